"""`arrivals reference …` over a real Kafka: lists loaded line by line and once, asked as then and as now known, proposals."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import orjson
import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.settings import Settings
from arrivals.runtime.topic_admin import ensure_topics
from schemas.sealing import keyed_hash
from tests.cli_kit import call, free_settings

EXAMPLES = Path(__file__).parent.parent / "reference" / "data" / "examples"


@pytest.fixture(scope="module")
def settings(kafka_server: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(
        data_dir=tmp_path_factory.mktemp("reference"), kafka_bootstrap=kafka_server.bootstrap, kafka_topic_prefix="lists."
    )
    ensure_topics(made)
    return made


def told(settings: Settings, *arguments: str, code: int = 0) -> Any:
    done = call(settings, "reference", *arguments, "--json")
    assert (done.returncode, bool(done.stdout)) == (code, True), done.stderr.decode()
    return orjson.loads(done.stdout)


def loaded(settings: Settings, file: Path, kind: str, *more: str, code: int = 0) -> tuple[int, int, int]:
    report = told(settings, "load", str(file), "--kind", kind, *more, code=code)
    assert report["rows"] == report["appended"] + report["known_before"] + report["rejected"]
    return report["appended"], report["known_before"], report["rejected"]


def test_the_shipped_series_is_loaded_once_and_asked_for_each_date(settings: Settings) -> None:
    assert loaded(settings, EXAMPLES / "hubei-successions.csv", "succession") == (39, 0, 0)
    assert loaded(settings, EXAMPLES / "hubei-grades.csv", "grade") == (255, 0, 0)
    assert loaded(settings, EXAMPLES / "hubei-grades.csv", "grade") == (0, 255, 0)
    assert len(told(settings, "list", "grade", "--at", "2020-02-28T21:00:00+08:00")) == 103
    assert loaded(settings, EXAMPLES / "case-counts.csv", "case-count", "--dry-run") == (30, 0, 0)
    noon = ("--at", "2020-03-03T12:00:00+08:00")
    view = told(settings, "history", "grade", "宜昌市西陵区", *noon)
    assert (view["area"], view["standing"]) == ("420502", ["420501"])
    assert (view["as_then_known"]["data"]["area"], view["as_now_known"]["data"]["area"]) == ("420502", "420501")
    assert {row["data"]["kind"] for row in view["history"]} == {"grade", "succession"}
    assert all(row["author"] == "synthetic example" and row["reason"] for row in view["history"])


def test_the_wrong_lines_are_set_apart_corrected_and_loaded(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "名单.csv"
    lines = [
        "# 2月17日名单",
        "地区,风险等级,生效日期,依据",
        "温州市,高,2020-02-17,=分级",
        "鼓楼区,高,2020-02-17,分级",
        "永城市,红,2020-02-17,分级",
    ]
    file.write_bytes("\r\n".join(lines).encode("gb18030"))
    assert loaded(settings, file, "grade", code=1) == (1, 0, 2)
    rejected = file.with_name("名单.csv.rejected.csv")
    rows = list(csv.DictReader(io.StringIO(rejected.read_text("utf-8-sig"))))
    assert [(row["地区"], row["行号"]) for row in rows] == [("鼓楼区", "4"), ("永城市", "5")]
    assert "名称不止一处" in rows[0]["错误"]
    assert "320106" in rows[0]["错误"]
    corrected = rejected.read_text("utf-8-sig").replace("鼓楼区", "南京市鼓楼区").replace("红", "低风险")
    rejected.write_text(corrected, "utf-8")
    assert loaded(settings, rejected, "grade") == (2, 0, 0)
    [yongcheng] = told(settings, "history", "grade", "永城市")
    assert (yongcheng["data"], yongcheng["reason"]) == ({"kind": "grade", "area": "411481", "grade": "low"}, "分级")


def test_counts_propose_beside_what_is_decided(settings: Settings) -> None:
    assert loaded(settings, EXAMPLES / "case-counts.csv", "case-count") == (30, 0, 0)
    assert call(settings, "reference", "add-grade", "商丘市", "medium", "--from", "2020-03-01T00:00:00+08:00").returncode == 0
    shangqiu = next(row for row in told(settings, "propose", "--day", "2020-03-01") if row["area"] == "4114")
    assert (shangqiu["proposed"], shangqiu["decided"], shangqiu["agrees"]) == ("low", "medium", False)
    early = ("--known-at", "2020-02-20T00:00:00+08:00")
    text = call(settings, "reference", "propose", "--day", "2020-03-01", *early).stdout.decode()
    assert "not counted" in text
    assert "low" not in text


def test_a_pass_is_bound_by_the_plate_people_write_and_the_plate_is_kept_nowhere(settings: Settings, tmp_path: Path) -> None:
    keys = KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=True)
    file = tmp_path / "passes.csv"
    file.write_text("通行证编号,通行证类型,车牌号,起\nA-0001,A,鄂A·12345,2020-02-04\nB-0001,B,,2020-02-04\n", "utf-8")
    assert loaded(settings, file, "pass") == (2, 0, 0)
    bound, free = told(settings, "list", "pass", "--at", "2020-02-05T00:00:00+08:00")
    assert bound["data"]["vehicle_key"] == keyed_hash(keys.linking_secret, "plate", "鄂A12345")
    assert free["data"]["vehicle_key"] is None
    assert "12345" not in str(bound)


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("等级,生效\n高,2020-02-17\n", "grade", "columns_missing"),
        ("", "grade", "columns_missing"),
        ("rule\nx\n", "rule", "kind_unknown"),
        ("area,grade\n42," + "x" * 200_000, "grade", "file_broken"),
    ],
)
def test_a_file_that_is_no_such_list_is_refused_before_kafka_is_asked(tmp_path: Path, text: str, kind: str, code: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(text, "utf-8")
    done = call(free_settings(tmp_path), "reference", "load", str(file), "--kind", kind)
    assert done.returncode == 1
    assert code in done.stderr.decode()
