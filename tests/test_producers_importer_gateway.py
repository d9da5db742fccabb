"""A list through the real gateway and Kafka: accepted once, refused rows back with the gateway's words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.process import stop_child
from producers.importer.import_file import Target, import_file
from producers.importer.rows import ImportContext
from schemas.base import LOCAL
from tests.gateway_kit import NOW, SITE, TOKEN, Gateway, start_gateway

ARRIVED = datetime(2020, 2, 18, 8, 0, tzinfo=LOCAL)


@pytest.fixture
def gateway(kafka_server: KafkaServer, topic_prefix: str, tmp_path: Path) -> Iterator[Gateway]:
    running = start_gateway(kafka_server.bootstrap, topic_prefix, tmp_path)
    yield running
    running.client.close()
    stop_child(running.process, 10)


def test_a_list_goes_in_once_and_a_list_of_another_site_comes_back(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    rows = "".join(f"测试{n},411426196501011235,1990000{n:04d},豫N{n:05d},36.5,夏邑县火店镇火店村\r\n" for n in range(250))
    path.write_text("姓名,身份证号,电话,车牌号,体温,目的地\r\n" + rows, "gb18030")
    target = Target(f"http://127.0.0.1:{gateway.settings.gateway_port}", TOKEN, {"X-Simulated-Now": NOW})
    first = import_file(path, ImportContext("checkpoint", SITE, "", ARRIVED), target)
    second = import_file(path, ImportContext("checkpoint", SITE, "", ARRIVED), target)
    foreign = import_file(path, ImportContext("checkpoint", "ST-SQF", "", ARRIVED), target)
    assert (first.accepted, first.rejected) == (250, 0)
    assert (second.accepted, second.duplicates) == (0, 250)
    assert (foreign.rejected, foreign.reasons) == (250, {"site_forbidden": 250})
    assert foreign.rejected_file is not None
    assert "该设备登记在其他站点" in foreign.rejected_file.read_text("utf-8-sig")
    assert len(gateway.records("scans")) == 250
