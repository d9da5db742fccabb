"""The commands as a user runs them, on a whole embedded stack with a small sample day in it."""

from __future__ import annotations

import csv
import gc
import io
import re
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
import xlsxwriter
from rich.console import Console

from arrivals.demo.day import play_day
from arrivals.demo.stack import embedded_stack
from arrivals.demo.story import wait_until_settled
from arrivals.runtime.clickhouse_client import connect
from arrivals.runtime.settings import Settings
from tests.cli_kit import call, free_settings, run

DAY, PEOPLE = "2020-02-18", 200
ON_THE_DAY = ("--param", f"from={DAY}", "--param", f"to={DAY}")
PERSON = "411426196501011235"

# kafka-python leaves sockets open that the broker refused while it was starting
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = free_settings(tmp_path_factory.mktemp("stack"))
    with embedded_stack(settings, Console(stderr=True)):
        play_day(settings, day=date.fromisoformat(DAY), rate=200, people=PEOPLE, seed=3, history=None)
        wait_until_settled(settings, 60, lambda _: None)
        yield settings
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


def told(settings: Settings, *arguments: str, code: int = 0) -> bytes:
    """What a command prints; its exit code is looked at."""
    done = call(settings, *arguments)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout


def complaint(settings: Settings | None, *arguments: str) -> str:
    """What a command that fails says on standard error; nothing goes to standard output."""
    done = call(settings, *arguments)
    assert (done.returncode, done.stdout) == (1, b"")
    assert "Traceback" not in done.stderr.decode()
    return done.stderr.decode()


def arrivals_on(settings: Settings, site: str) -> int:
    client = connect(settings)
    [(count,)] = client.execute("SELECT count() FROM v_arrivals WHERE site_id = %(site)s", {"site": site})
    client.disconnect()
    return int(count)


def test_the_program_itself_answers_and_fails(stack: Settings) -> None:
    rows = run(stack, "query", "flows-by-county", *ON_THE_DAY, "--format", "json")
    assert (rows.returncode, rows.stderr) == (0, b"")
    assert sum(row["arrivals"] for row in orjson.loads(rows.stdout)) == PEOPLE
    failed = run(stack, "query", "flows-by-county", "--param", "from=today", "--param", f"to={DAY}")
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert len(failed.stderr.splitlines()) == 2
    assert run(stack, "query", "--colour").returncode == 2


def test_query_lists_what_there_is(stack: Settings) -> None:
    listed = told(stack, "query").decode()
    assert "flows-by-county" in listed
    assert "Arrivals waiting at desks because their destination is unclear" in listed  # nothing is cut off


def test_query_in_every_format(stack: Settings, tmp_path: Path) -> None:
    rows = orjson.loads(told(stack, "query", "flows-by-county", *ON_THE_DAY, "--format", "json"))
    assert sum(row["arrivals"] for row in rows) == PEOPLE
    table = told(stack, "query", "flows-by-county", *ON_THE_DAY).decode()
    assert {"county_code", "turned_back", "夏邑县"} <= set(re.findall(r"\w+", table))
    text = told(stack, "query", "flows-by-county", *ON_THE_DAY, "--format", "csv").decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [int(line["arrivals"]) for line in lines] == [row["arrivals"] for row in rows]
    for format, magic in (("parquet", b"PAR1"), ("xlsx", b"PK\x03\x04")):
        file = tmp_path / f"answer.{format}"
        told(stack, "query", "flows-by-county", *ON_THE_DAY, "--format", format, "--output", str(file))
        assert file.read_bytes().startswith(magic)


def test_parquet_holds_the_same_rows(stack: Settings) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    content = told(stack, "query", "flows-by-risk", *ON_THE_DAY, "--format", "parquet")
    rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    told_as_json = orjson.loads(told(stack, "query", "flows-by-risk", *ON_THE_DAY, "--format", "json"))
    assert [(row["risk"], row["arrivals"]) for row in rows] == [(row["risk"], row["arrivals"]) for row in told_as_json]


def test_query_of_a_county_and_a_level(stack: Settings) -> None:
    by_city = ("--param", "level=city", "--param", "county=411426")
    rows = orjson.loads(told(stack, "query", "flows-by-origin", *ON_THE_DAY, *by_city, "--format", "json"))
    assert rows
    assert {len(row["origin"]) for row in rows} == {4}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("query", "flows"), ("query_unknown", "flows-by-county")),
        (("query", "flows-by-hour", "--param", "from=today"), ("from: write the day as YYYY-MM-DD", "日期写作")),
        (("query", "flows-by-hour", "--param", "frm=2020-02-18"), ("frm: there is no such parameter",)),
        (("query", "flows-by-hour", "--param", "from"), ("name=value",)),
        (("query", "flows-by-hour", "--format", "pdf"), ("format_unknown", "parquet")),
        (("report", "--county", "4101", "--day", DAY), ("county: give a county code of Shangqiu",)),
        (("report", "--county", "4114", "--day", DAY, "--as-of", "noon"), ("as_of: write the time as RFC 3339",)),
        (("reference", "list", "grades"), ("kind_unknown", "grade, ")),
        (("reference", "add-token", "guard", "*", "--subject", "x"), ("role_unknown", "device")),
        (("reference", "revoke-token", "x", "--at", "now"), ("time_invalid", "RFC 3339")),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(stack: Settings, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    said = complaint(stack, *arguments)
    assert [word for word in words if word not in said] == []


def test_report_of_a_county_and_of_the_city(stack: Settings) -> None:
    city = orjson.loads(told(stack, "report", "--county", "4114", "--day", DAY, "--format", "json"))
    assert sum(row["arrivals"] for row in city) == PEOPLE
    county = orjson.loads(told(stack, "report", "--county", "411426", "--day", DAY, "--format", "json"))
    assert county == [row for row in city if row["county_code"] == "411426"]
    before = ("--as-of", f"{DAY}T00:00:00+08:00")
    assert orjson.loads(told(stack, "report", "--county", "4114", "--day", DAY, *before, "--format", "json")) == []
    assert "夏邑县" in told(stack, "report", "--county", "411426", "--day", DAY).decode()


@pytest.mark.parametrize("kind", ["rail-manifest", "coach-manifest", "checkpoint"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_import_rejects_corrects_and_imports_again(stack: Settings, tmp_path: Path, kind: str, form: str) -> None:
    site = {"rail-manifest": "ST-SQF", "coach-manifest": "CP-411425-01", "checkpoint": "CP-411426-03"}[kind]
    place: dict[str, str] = {"车次": "K1234", "发车日期": "2020-02-17"} if kind == "rail-manifest" else {"车牌号": "豫N12345"}
    home = {"目的地": "夏邑县火店镇火店村"}
    people = [{"姓名": f"测试{form}{n}", "身份证号": PERSON if n else "", **place, **home} for n in range(4)]
    file = tmp_path / f"list.{form}"
    write_list(file, people)
    command = ("import", str(file), "--kind", kind, "--site", site, "--at", f"{DAY}T08:30", "--json")
    before = arrivals_on(stack, site)

    first = orjson.loads(told(stack, *command, code=1))
    assert (first["accepted"], first["rejected"], first["reasons"]) == (3, 1, {"missing": 1})
    wrong = Path(first["rejected_file"])
    text = wrong.read_text("utf-8-sig")
    assert "身份证号:必填项为空" in text
    assert wrong.stat().st_mode & 0o077 == 0

    [row] = csv.DictReader(io.StringIO(text))
    write_list(wrong, [row | {"身份证号": PERSON}])
    corrected = orjson.loads(told(stack, "import", str(wrong), *command[2:]))
    assert (corrected["accepted"], corrected["rejected"]) == (1, 0)
    again = orjson.loads(told(stack, *command, code=1))
    assert (again["accepted"], again["duplicates"], again["rejected"]) == (0, 3, 1)
    wait_until_settled(stack, 60, lambda _: None)
    assert arrivals_on(stack, site) == before + 4


def write_list(path: Path, rows: list[dict[str, Any]]) -> None:
    """A list as a station sends it: a workbook, or CSV in GBK."""
    if path.suffix == ".xlsx":
        with xlsxwriter.Workbook(str(path)) as book:
            sheet = book.add_worksheet()
            for line, cells in enumerate([list(rows[0]), *(list(row.values()) for row in rows)]):
                sheet.write_row(line, 0, cells)
        return
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_template_is_filled_in_and_imported(stack: Settings, tmp_path: Path) -> None:
    form = tmp_path / "form.xlsx"
    told(stack, "import", str(form), "--kind", "rail-manifest", "--template")
    report = orjson.loads(told(stack, "import", str(form), "--kind", "rail-manifest", "--site", "ST-SQF", "--dry-run", "--json"))
    assert (report["rows"], report["skipped"], report["rejected"]) == (1, 1, 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--kind", "flights", "--site", "ST-SQF"), ("kind_unknown", "flights", "coach-manifest, checkpoint, checkins")),
        (("--kind", "checkpoint"), ("site_missing", "--site")),
        (("--kind", "checkpoint", "--site", "CP-1"), ("token_missing", "--token-file")),
        (("--kind", "checkpoint", "--site", "CP-411426-01", "--token-file", "/nowhere"), ("token_file",)),
        (("--kind", "checkpoint", "--site", "CP-411426-01"), ("file_unreadable",)),
    ],
)
def test_an_import_that_cannot_begin_says_why(stack: Settings, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    said = complaint(stack, "import", "/nowhere.csv", *arguments)
    assert [word for word in words if word not in said] == []


def test_what_an_operator_runs(stack: Settings) -> None:
    assert {finding["state"] for finding in orjson.loads(told(stack, "doctor", "--json"))} <= {"ok", "warn"}
    assert {topic["state"] for topic in orjson.loads(told(stack, "topics", "--check", "--json"))} == {"ok"}
    assert told(stack, "migrate", "--dry-run") == b"-- the schema is up to date\n"
    audit = orjson.loads(told(stack, "audit", "--json"))
    assert (audit["missing"], audit["extra"]) == (0, 0)
    letters = orjson.loads(told(stack, "dead-letters", "list", "--json"))
    assert letters
    shown = told(stack, "dead-letters", "show", letters[0]["dead_letter_id"]).decode()
    assert letters[0]["reason"] in shown


def test_rows_of_the_reference_are_appended_and_shown(stack: Settings) -> None:
    told(stack, "reference", "add-grade", "4201", "high", "--from", "2020-01-23T10:00:00+08:00", "--reason", "测试")
    [newest, *_] = orjson.loads(told(stack, "reference", "history", "grade", "4201", "--json"))
    assert newest["data"]["grade"] == "high"
    token = told(stack, "reference", "add-token", "device", "CP-411426-01", "--subject", "gun-7").decode().strip()
    assert token.startswith("sq_device_")
    assert "1 tokens revoked" in told(stack, "reference", "revoke-token", "gun-7", "--at", f"{DAY}T00:00:00+08:00").decode()


def test_without_servers_one_line_says_so(tmp_path: Path) -> None:
    done = run(free_settings(tmp_path), "topics")
    [line] = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout, "kafka_unreachable" in line) == (1, b"", True)


def test_production_makes_its_keys_once(tmp_path: Path) -> None:
    files = tmp_path / "k" / "keys.json", tmp_path / "w" / "key"
    for path in files:
        path.parent.mkdir(mode=0o700)
    settings = Settings(mode="production", keys_file=files[0], webhook_key_file=files[1])
    told(settings, "keys")
    made = [path.read_bytes() for path in files]
    told(settings, "keys")
    assert [path.read_bytes() for path in files] == made
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
