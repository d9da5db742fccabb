"""The device's side of a post: retried with the same bytes, never for a refused content, one answer per scan."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from producers.client import GatewayClient, Patience, Reply, ScanAnswer, _retry_after
from schemas.errors import Refused, Unavailable
from schemas.event_ids import uuid7
from tests.stand_in_gateway import StandInGateway, stand_in_gateway

SITE, TOKEN = "CP-411426-01", "sq_device_CP-411426-01"
QUICK = Patience(total_seconds=5, attempt_seconds=2)


@pytest.fixture
def gateway() -> Iterator[StandInGateway]:
    with stand_in_gateway() as running:
        yield running


def scan(number: int, **changes: Any) -> bytes:
    person = {"name": "测试甲", "document_type": "other", "document_number": f"X{number}"}
    made = {
        "kind": "checkpoint",
        "event_id": uuid7(1_581_988_350_250 + number, bytes(10)),
        "site_id": SITE,
        "sequence": number,
        "occurred_at": "2020-02-18T08:30:00+08:00",
        "person": person,
        "origin": {},
        "destination": {},
    }
    return json.dumps(made | changes).encode()


def post(gateway: StandInGateway, body: bytes, patience: Patience = QUICK) -> tuple[Reply, GatewayClient]:
    async def run() -> tuple[Reply, GatewayClient]:
        async with GatewayClient(gateway.url, patience) as client:
            return await client.post(body, TOKEN), client

    return asyncio.run(run())


def deliver(gateway: StandInGateway, scans: list[bytes], token: str = TOKEN) -> tuple[ScanAnswer, ...]:
    async def run() -> tuple[ScanAnswer, ...]:
        async with GatewayClient(gateway.url, QUICK) as client:
            return await client.deliver(scans, token)

    return asyncio.run(run())


@pytest.mark.parametrize("trouble", [(503, {"Retry-After": "0"}), (429, {"Retry-After": "0"}), (500, {}), "close"])
def test_a_post_without_a_final_answer_is_repeated_byte_for_byte(gateway: StandInGateway, trouble: Any) -> None:
    gateway.trouble = lambda number: trouble if number < 2 else None
    reply, client = post(gateway, scan(1))
    assert [answer.status for answer in reply.answers] == ["accepted"]
    assert {body for _, body in gateway.requests} == {scan(1)}
    assert len(gateway.requests) == 3
    assert client.faults.total() == 2


def test_a_refused_content_is_not_repeated(gateway: StandInGateway) -> None:
    reply, _ = post(gateway, b"{")
    assert reply.status == 400
    assert reply.problem is not None
    assert reply.problem.code == "body_not_json"
    assert len(gateway.requests) == 1


def test_patience_ends(gateway: StandInGateway) -> None:
    gateway.trouble = lambda _: (503, {"Retry-After": "1"})
    with pytest.raises(Unavailable):
        post(gateway, scan(1), Patience(total_seconds=0.5))
    assert len(gateway.requests) == 1


def test_nobody_listens() -> None:
    with stand_in_gateway() as gone:
        pass
    with pytest.raises(Unavailable):
        post(gone, scan(1), Patience(total_seconds=0.3))


def test_an_answer_lost_on_the_way_ends_as_duplicate(gateway: StandInGateway) -> None:
    post(gateway, scan(1))
    reply, _ = post(gateway, scan(1))
    assert [answer.status for answer in reply.answers] == ["duplicate"]


def test_large_bodies_are_compressed_and_small_ones_are_not(gateway: StandInGateway) -> None:
    deliver(gateway, [scan(number) for number in range(100)])
    deliver(gateway, [scan(1)])
    assert [headers.get("Content-Encoding") for headers, _ in gateway.requests] == ["gzip", None]


def test_one_answer_per_scan_in_order(gateway: StandInGateway) -> None:
    answers = deliver(gateway, [scan(1), scan(2, temperature_c="36.5"), scan(3)])
    assert [answer.status for answer in answers] == ["accepted", "rejected", "accepted"]
    assert (answers[1].reasons[0].field, answers[1].reasons[0].code) == ("temperature_c", "float_type")


def test_one_unreadable_scan_does_not_take_its_batch_with_it(gateway: StandInGateway) -> None:
    answers = deliver(gateway, [scan(1), scan(2), b'{"a":1,"a":2}', scan(4), scan(5)])
    assert [answer.status for answer in answers] == ["accepted", "accepted", "rejected", "accepted", "accepted"]
    assert answers[2].reasons[0].code == "duplicate_key"


def test_an_unknown_token_is_an_error_not_an_answer(gateway: StandInGateway) -> None:
    gateway.trouble = lambda _: (401, {})
    with pytest.raises(Refused) as refused:
        deliver(gateway, [scan(1), scan(2)])
    assert refused.value.status == 401
    assert len(gateway.requests) == 1


def test_connections_are_kept(gateway: StandInGateway) -> None:
    async def run() -> None:
        async with GatewayClient(gateway.url, QUICK) as client:
            for number in range(5):
                await client.post(scan(number), TOKEN)

    asyncio.run(run())
    assert gateway.connections == 1


def test_retry_after_in_both_forms() -> None:
    assert _retry_after("7") == 7
    assert _retry_after("soon") is None
    assert _retry_after(None) is None
    assert _retry_after(format_datetime(datetime.now(UTC) - timedelta(minutes=1), usegmt=True)) == 0
    later = _retry_after(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert later is not None
    assert 3_000 < later <= 3_600
