"""Webhooks without a wire: signatures as others verify them, the schedule, what a message says, where one may go."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from arrivals.runtime.webhook_addresses import may_reach, read_networks, read_target, resolve
from schemas.base import LOCAL
from schemas.errors import Misconfigured, Rejected
from schemas.visibility import units_seeing
from sinks.webhooks.messages import payload, tallies
from sinks.webhooks.schedule import DELAYS, GIVEN_UP_SECONDS, LONGEST_PAUSE, LONGEST_RETRY_AFTER, verdict
from sinks.webhooks.signing import secret, secrets_in_force, signed_headers, told_secret
from tests.serving_kit import arrival, feverish, quiet
from tests.webhooks_kit import KEY, endpoint

NOW = datetime.now(LOCAL)
BODY = payload("arrivals", "411426", {"new": 3, "high": 1}, NOW.timestamp(), "https://console.example.cn/")


def headers(secrets: Iterable[bytes], later: timedelta = timedelta(), body: bytes = BODY) -> dict[str, str]:
    """As sent now, or so much later: the standard's library compares with its own clock."""
    return signed_headers(tuple(secrets), "msg_1", int((datetime.now(LOCAL) + later).timestamp()), body)


def test_a_receiver_verifies_with_the_library_of_the_standard() -> None:
    verifier = Webhook(told_secret(KEY, "e", 1))
    assert verifier.verify(BODY, headers([secret(KEY, "e", 1)])) == json.loads(BODY)
    wrong = [
        (BODY.replace(b"3", b"4"), headers([secret(KEY, "e", 1)])),
        (json.dumps(json.loads(BODY), indent=1).encode(), headers([secret(KEY, "e", 1)])),  # said again in other bytes
        (BODY, headers([secret(KEY, "e", 2)])),
        (BODY, headers([secret(KEY, "f", 1)])),
        (BODY, headers([secret(KEY, "e", 1)], timedelta(minutes=-6))),
        (BODY, headers([secret(KEY, "e", 1)], timedelta(minutes=6))),
        (BODY, headers([secret(KEY, "e", 1)]) | {"webhook-id": "msg_2"}),
    ]
    for body, given_headers in wrong:
        with pytest.raises(WebhookVerificationError):
            verifier.verify(body, given_headers)


def test_both_secrets_sign_while_a_receiver_changes_over() -> None:
    data = endpoint("e", "https://a.example", generation=2, previous_until="2020-02-19T00:00:00+08:00")
    before, after = datetime(2020, 2, 18, 23, 59, tzinfo=LOCAL), datetime(2020, 2, 19, tzinfo=LOCAL)
    for generation in (1, 2):
        Webhook(told_secret(KEY, "e", generation)).verify(BODY, headers(secrets_in_force(KEY, data, before)))
    assert secrets_in_force(KEY, data, after) == (secret(KEY, "e", 2),)
    assert secrets_in_force(KEY, endpoint("e", "https://a.example"), before) == (secret(KEY, "e", 1),)


def test_the_schedule_is_that_of_svix() -> None:
    waits = [verdict(500, None, attempt, 0).due_in for attempt in range(1, 8)]
    assert waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]
    assert verdict(500, None, len(DELAYS) + 1, 0).state == "failed"
    assert [verdict(code, None, 1, 0).state for code in (200, 204, 299)] == ["delivered"] * 3
    for code in (None, 301, 302, 400, 401, 404, 500, 503):
        assert verdict(code, None, 1, 0).state == "waiting"


def test_a_receiver_is_left_alone_for_as_long_as_it_asks() -> None:
    for code in (429, 503):
        asked = verdict(code, 3_600, 1, 0)
        assert (asked.due_in, asked.hold) == (3_600, 3_600)
    assert verdict(429, 10 * 86_400, 1, 0).due_in == LONGEST_RETRY_AFTER
    assert verdict(500, 3_600, 1, 0).due_in == 5  # only where the standard gives the header a meaning
    assert verdict(500, None, 6, 0).hold == LONGEST_PAUSE


def test_who_is_gone_or_fails_for_days_is_disabled() -> None:
    assert verdict(410, None, 1, 0).disabled == "gone"
    assert verdict(500, None, 2, GIVEN_UP_SECONDS).disabled == "failing"
    assert verdict(200, None, 2, GIVEN_UP_SECONDS).disabled is None


RECORDS = [
    arrival(1, "411426101201"),
    quiet(2, "411426101"),
    quiet(3, "411426101201", cause="reference"),
    feverish(4, "411481100"),
]


def told(unit: str, topic: str = "arrivals") -> dict[str, int]:
    raw = [(0, offset, json.dumps(record).encode()) for offset, record in enumerate(RECORDS)]
    found = tallies(topic, raw, [endpoint("e", "https://a.example", unit)])  # type: ignore[arg-type]
    return dict(found["e"][1]) if found else {}


def test_a_message_counts_what_stands_on_the_units_list() -> None:
    assert told("411426101201") == {"new": 1, "changed": 1, "high": 1}
    assert told("411426101") == {"new": 2, "changed": 1, "high": 1}
    assert told("411481") == {"new": 1, "high": 1}
    assert told("411481-health") == {"new": 1, "high": 1}
    assert told("411422") == {}


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["411426", "411426101", "411426101201", "411481100", "411426-health", "4114-health", "4114"])))
def test_no_endpoint_is_told_of_what_its_unit_does_not_see(units: list[str]) -> None:
    endpoints = [endpoint(f"e{n}", "https://a.example", unit) for n, unit in enumerate(units)]
    raw = [(0, offset, json.dumps(record).encode()) for offset, record in enumerate(RECORDS)]
    found = tallies("arrivals", raw, endpoints)
    for each in endpoints:
        seen = [record for record in RECORDS if each.unit in units_seeing(record)]
        counts = found[each.endpoint][1] if each.endpoint in found else {}
        assert counts.get("new", 0) + counts.get("changed", 0) == len(seen)


def test_alerts_go_to_the_unit_and_to_the_health_desks() -> None:
    alert = {"unit": "411426101", "county_code": "411426", "risk": "high"}
    raw = [(0, 0, json.dumps(alert).encode()), (0, 1, b"{"), (0, 2, None), (0, 3, b"[]"), (0, 4, b'{"unit":1}')]
    endpoints = [endpoint(unit, "https://a.example", unit) for unit in ("411426", "411426-health", "4114-health", "411481")]
    found = tallies("alerts", raw, endpoints)
    assert set(found) == {"411426", "411426-health", "4114-health"}
    assert all(dict(counts) == {"alerts": 1, "high": 1} for _, counts in found.values())
    assert tallies("arrivals", raw, [endpoint("e", "https://a.example", topics=["alerts"])]) == {}


def test_a_payload_is_thin_and_the_same_every_time() -> None:
    assert json.loads(BODY)["data"] == {
        "unit": "411426",
        "counts": {"high": 1, "new": 3},
        "link": "https://console.example.cn/units/411426",
    }
    assert payload("arrivals", "411426", {"high": 1, "new": 3}, NOW.timestamp(), "https://console.example.cn") == BODY


PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
    *("224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::", "::1", "fd00::1", "fe80::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_of_ours_is_reached(address: str) -> None:
    assert not may_reach(read_target("https://a.example/"), ipaddress.ip_address(address), ())


def test_public_addresses_are_reached_over_https_on_its_ports_only() -> None:
    public = ipaddress.ip_address("114.114.114.114"), ipaddress.ip_address("2400:3200::1")
    for address in public:
        assert may_reach(read_target("https://a.example/"), address, ())
        assert may_reach(read_target("https://a.example:8443/"), address, ())
        for url in ("http://a.example/", "https://a.example:9092/", "https://a.example:8123/", "https://a.example:22/"):
            assert not may_reach(read_target(url), address, ())


def test_an_operator_may_allow_a_network() -> None:
    allowed = read_networks("10.20.0.0/16, fd12::/48")
    target = read_target("http://desk.local:8080/x")
    assert may_reach(target, ipaddress.ip_address("10.20.1.1"), allowed)
    assert may_reach(target, ipaddress.ip_address("::ffff:10.20.1.1"), allowed)
    assert may_reach(target, ipaddress.ip_address("fd12::1"), allowed)
    assert not may_reach(target, ipaddress.ip_address("10.21.1.1"), allowed)
    with pytest.raises(Misconfigured):
        read_networks("10.20.0.1/16")


@pytest.mark.parametrize(
    "url",
    [
        "https://user@host/", "https://user:pass@host/", "ftp://host/", "file:///etc/passwd", "https:///x", "https://host:99999/",
        "https://host/#x", "gopher://host", "//host/x", "https://a.example@127.0.0.1/",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_target(url)
    assert refused.value.code == "webhook_url"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://[::ffff:127.0.0.1]/", "https://[::]/", "https://localhost/",
        "https://169.254.169.254/latest", "https://100.64.0.1/", "https://[fd00::1]/", "https://[64:ff9b::7f00:1]/", "https://0/",
    ],
)  # fmt: skip
def test_odd_spellings_of_private_addresses_are_refused_after_resolving(url: str) -> None:
    with pytest.raises(Rejected) as refused:
        asyncio.run(resolve(read_target(url), ()))
    assert refused.value.code in ("webhook_address", "webhook_unresolved")
    assert "127" not in str(refused.value)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(Rejected) as refused:
        asyncio.run(resolve(read_target("https://receiver.invalid/"), ()))
    assert refused.value.code == "webhook_unresolved"
