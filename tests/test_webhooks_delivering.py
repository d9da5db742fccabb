"""Deliveries to real receivers on this machine: one dead, one slow, one that wants too much; and what the store remembers."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from arrivals.embedded.ports import free_port
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.webhook_addresses import read_networks
from arrivals.runtime.webhook_client import LARGEST_ANSWER, Answered, WebhookClient
from arrivals.runtime.webhook_store import Message, Settled, WebhookStore
from reference.dated import Dated
from schemas.base import LOCAL
from schemas.errors import Unavailable
from schemas.webhook import WebhookData
from sinks.webhooks.delivering import Delivering
from tests.webhooks_kit import KEY, LOOPBACK, Receiver, certificate, drip, endpoint, receiving, status, wait

ALLOWED = read_networks(LOOPBACK)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WebhookStore]:
    made = WebhookStore(tmp_path / "notify" / "webhooks.sqlite")
    yield made
    made.close()


def dated(data: WebhookData, version: int = 1) -> Dated[WebhookData]:
    at = datetime(2020, 1, 1, tzinfo=LOCAL)
    return Dated(f"r{version}", version, at, None, at, data)


def message(name: str, number: int = 1, **counts: int) -> Message:
    return Message(f"msg_{name}_{number}", name, "arrivals", "411426", counts or {"new": 1}, time.time())


def deliver(
    store: WebhookStore, endpoints: Sequence[Dated[WebhookData]], done: Callable[[], object], seconds: float = 5.0
) -> Metrics:
    """Runs the deliveries until `done()`."""
    declared, metrics = {row.data.endpoint: row for row in endpoints}, Metrics()

    async def run() -> None:
        client, stop = WebhookClient(ALLOWED, seconds), asyncio.Event()
        delivering = Delivering(store, client, lambda: declared, KEY, "http://console")
        running = asyncio.create_task(delivering.run(metrics, stop))
        async with asyncio.timeout(60):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        stop.set()
        await running
        await client.aclose()

    asyncio.run(run())
    return metrics


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.torture)])
def test_a_dead_and_a_slow_receiver_hold_up_nobody_else(store: WebhookStore, receiver: Receiver, count: int) -> None:
    receiver.answers["/slow"] = receiver.hang
    good = [f"e{n}" for n in range(count)]
    rows = [dated(endpoint(name, receiver.url(f"/{name}"))) for name in good]
    rows += [dated(endpoint("slow", receiver.url("/slow"))), dated(endpoint("dead", f"http://127.0.0.1:{free_port()}/"))]
    store.take_in([message(row.data.endpoint) for row in rows], {}, time.time())

    def all_good_told_twice() -> bool:
        if len(receiver.at("/e0")) == 1 and store.waiting()[0] <= 2:
            store.take_in([message(name, 2) for name in good], {}, time.time())
        done = all(len(receiver.at(f"/{name}")) >= 2 for name in good) and bool(store.endpoints()["dead"]["failures"])
        if done:
            receiver.released.set()
        return done

    deliver(store, rows, all_good_told_twice, seconds=30.0)
    fares = store.endpoints()
    assert all(fares[name]["delivered"] == 2 and fares[name]["failures"] == 0 for name in good)
    assert [len(receiver.at(f"/{name}")) for name in good] == [2] * count
    assert (fares["dead"]["waiting"], fares["slow"]["waiting"]) == (1, 1)
    assert fares["dead"]["failing_since"] is not None


def test_each_answer_has_its_consequence(store: WebhookStore, receiver: Receiver) -> None:
    answers = {
        "ok": status(200),
        "gone": status(410),
        "moved": status(302, Location=receiver.url("/target")),
        "many": status(429, retry_after="86400"),
        "wrong": status(500),
        "big": drip,
    }
    receiver.answers |= {f"/{name}": answer for name, answer in answers.items()}
    rows = [dated(endpoint(name, receiver.url(f"/{name}"))) for name in answers]
    store.take_in([message(name) for name in answers], {}, time.time())
    metrics = deliver(store, rows, lambda: len(store.endpoints()) == len(answers) and settled(store, answers))
    fares = store.endpoints()
    assert {name for name in answers if fares[name].get("delivered")} == {"ok", "big"}
    assert (fares["gone"]["disabled_reason"], fares["gone"]["failed"]) == ("gone", 1)
    assert receiver.at("/target") == []
    assert fares["many"]["not_before"] - time.time() > 86_000
    assert 0 < fares["wrong"]["not_before"] - time.time() <= 5
    assert metrics.counter("arrivals_notify_posts_total").labels("throttled")._value.get() == 1


def settled(store: WebhookStore, names: Iterable[str]) -> bool:
    fares = store.endpoints()
    return all(fares.get(name, {}).get("failures") or fares.get(name, {}).get("delivered_at") for name in names)


async def post(url: str, seconds: float = 5.0, allowed: str = LOOPBACK) -> Answered:
    client = WebhookClient(read_networks(allowed), seconds)
    try:
        return await client.post(url, b"{}", {})
    finally:
        await client.aclose()


def test_little_of_an_answer_is_read_and_none_is_waited_for(receiver: Receiver) -> None:
    written: list[int] = []

    def counted(request: BaseHTTPRequestHandler) -> None:
        written.append(drip(request))

    receiver.answers |= {"/big": counted, "/slow": receiver.hang}
    assert asyncio.run(post(receiver.url("/big"), seconds=30.0)) == Answered(200)
    assert LARGEST_ANSWER == 20_000
    wait(lambda: written)
    assert written[0] < 64_000_000  # of the gigabyte: what the sockets of both sides hold
    assert asyncio.run(post(receiver.url("/slow"), seconds=0.3)).problem == "timeout"
    assert asyncio.run(post(receiver.url("/big").replace("http:", "https:"))).problem == "ConnectError"
    assert asyncio.run(post("https://receiver.invalid/")).problem == "webhook_unresolved"


def test_what_is_not_allowed_is_refused_at_connect_as_well(receiver: Receiver) -> None:
    for url in (receiver.url("/x"), f"http://localhost:{receiver.port}/x", f"http://2130706433:{receiver.port}/x"):
        assert asyncio.run(post(url, allowed="")).problem == "webhook_address"
        assert asyncio.run(post(url)).status == 204
    assert len(receiver.seen) == 3


def test_a_name_that_answers_differently_the_second_time_is_not_followed(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([["114.114.114.114"], ["127.0.0.1"]])

    def rebound(host: str, port: int, **_: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(2, 1, 6, "", (address, port)) for address in next(answers)]

    async def both() -> Answered:
        client = WebhookClient((), 2.0)
        try:
            monkeypatch.setattr("arrivals.runtime.webhook_addresses.socket.getaddrinfo", rebound)
            await client.check("https://rebind.example:8443/")
            return await client.post("https://rebind.example:8443/", b"{}", {})
        finally:
            await client.aclose()

    assert asyncio.run(both()).problem == "webhook_address"


def test_the_certificate_must_name_the_host_though_the_connection_goes_to_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, trusting = certificate(tmp_path, "desk.example")

    async def ask(host: str, port: int, context: ssl.SSLContext | None) -> Answered:
        client = WebhookClient(ALLOWED, 20.0, context)
        try:
            return await client.post(f"https://{host}:{port}/x", b"{}", {})
        finally:
            await client.aclose()

    with receiving(server) as receiver:
        here = [(2, 1, 6, "", ("127.0.0.1", receiver.port))]
        monkeypatch.setattr("arrivals.runtime.webhook_addresses.socket.getaddrinfo", lambda *_, **__: here)
        assert asyncio.run(ask("desk.example", receiver.port, trusting)).status == 204
        assert asyncio.run(ask("other.example", receiver.port, trusting)).problem == "ConnectError"
        assert asyncio.run(ask("desk.example", receiver.port, None)).problem == "ConnectError"
        assert [request.headers["host"] for request in receiver.seen] == [f"desk.example:{receiver.port}"]


def test_messages_and_positions_are_one_step(store: WebhookStore) -> None:
    at = {("arrivals", 0): 7}
    store.take_in([message("a", 1, new=2)], at, 10.0)
    assert store.positions() == at
    with pytest.raises(Unavailable):
        store.take_in([message("a", 2)], {("arrivals", 0): None}, 11.0)  # type: ignore[dict-item]
    assert store.positions() == at
    assert [dict(m.counts) for m in store.begin({"a": 1}, (), 12.0)] == [{"new": 2}]


def test_an_untried_message_takes_up_what_comes_and_a_tried_one_does_not(store: WebhookStore) -> None:
    store.take_in([message("a", 1, new=2, high=1)], {}, 10.0)
    store.take_in([message("a", 2, new=3)], {}, 11.0)
    (first,) = store.begin({"a": 1}, (), 12.0)
    assert (first.id, dict(first.counts), first.attempts) == ("msg_a_1", {"high": 1, "new": 5}, 1)
    store.take_in([message("a", 3, new=1)], {}, 13.0)
    assert store.begin({"a": 1}, ["a"], 14.0) == []
    store.settle([Settled(first, "waiting", "500", 14.0, 19.0, 19.0)], {"a": 1})
    assert store.begin({"a": 1}, (), 15.0) == []
    again = store.begin({"a": 1}, (), 20.0)
    assert [(m.id, m.attempts, dict(m.counts)) for m in again] == [("msg_a_3", 1, {"new": 1})]


def test_a_disabled_endpoint_is_taken_up_by_a_newer_row_without_its_past(store: WebhookStore) -> None:
    store.take_in([message("a")], {}, 10.0)
    (first,) = store.begin({"a": 5}, (), 10.0)
    store.settle([Settled(first, "failed", "410", 11.0, 11.0, 0.0, "gone")], {"a": 5})
    store.take_in([message("a", 2)], {}, 12.0)
    assert store.begin({"a": 5}, (), 13.0) == []
    (second,) = store.begin({"a": 6}, (), 14.0)
    assert (second.id, second.failing_since) == ("msg_a_2", None)
    store.settle([Settled(second, "waiting", "500", 15.0, 16.0, 16.0)], {"a": 6})
    assert store.endpoints()["a"]["disabled_reason"] is None
    (third,) = store.begin({"a": 6}, (), 20.0)
    assert third.failing_since == 15.0


def test_a_range_is_sent_again_under_the_same_ids(store: WebhookStore) -> None:
    for number, at in ((1, 100.0), (2, 200.0), (3, 300.0)):
        made = Message(f"msg_{number}", "a", "arrivals", "411426", {"new": 1}, at)
        store.take_in([made], {}, at)
        (begun,) = store.begin({"a": 1}, (), at)
        store.settle([Settled(begun, "delivered", "200", at, at, 0.0)], {"a": 1})
    assert store.requeue("a", 150.0, 300.0, 400.0) == 2
    assert store.requeue("b", 0.0, 400.0, 400.0) == 0
    store.take_in([message("a", 9)], {}, 400.0)  # new, and not put into what is sent again
    ids = []
    for _ in range(3):
        (begun,) = store.begin({"a": 1}, (), 401.0)
        store.settle([Settled(begun, "delivered", "200", 401.0, 401.0, 0.0)], {"a": 1})
        ids.append(begun.id)
    assert sorted(ids) == ["msg_2", "msg_3", "msg_a_9"]
    assert store.purge(250.0) == 2


def test_signed_requests_carry_no_names(store: WebhookStore, receiver: Receiver) -> None:
    row = dated(endpoint("a", receiver.url("/a")))
    store.take_in([message("a", 1, new=4)], {}, time.time())
    deliver(store, [row], lambda: receiver.at("/a"))
    (request,) = receiver.at("/a")
    assert request.headers["webhook-id"] == "msg_a_1"
    assert request.headers["webhook-signature"].startswith("v1,")
    assert set(json.loads(request.body)["data"]) == {"unit", "counts", "link"}
