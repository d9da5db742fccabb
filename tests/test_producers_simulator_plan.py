"""The plan of a day: the same seed gives the same bytes, good scans are good, bad ones bad, shares as ordered."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import orjson
import pytest
from stdnum.iso7064 import mod_11_2

from producers.bodies import inflate
from producers.intake import prepare
from producers.parsing import parse_body, validate_scan
from producers.simulator.bad_input import BODY_FAULTS, ITEM_FAULTS, TOO_LARGE
from producers.simulator.day import DayPlan
from producers.simulator.posts import PlannedScan, Post
from reference.gazetteer import Gazetteer, load_gazetteer
from schemas.errors import ArrivalsError
from schemas.event_ids import uuid7_time

DAY = date(2020, 2, 18)
PEOPLE = 6_000
MOST_BYTES = 2_000_000


@cache
def gazetteer() -> Gazetteer:
    return load_gazetteer()


@cache
def posts(people: int = PEOPLE, seed: int = 7) -> tuple[Post, ...]:
    return tuple(DayPlan(DAY, people, seed, gazetteer()).posts())


@cache
def good() -> tuple[tuple[Post, PlannedScan, dict[str, Any]], ...]:
    return tuple(
        (post, scan, orjson.loads(scan.body)) for post in posts() for scan in post.scans if scan.kind in ("live", "late")
    )


def test_the_same_seed_gives_the_same_day_and_another_seed_another() -> None:
    again = tuple(DayPlan(DAY, 400, 7, gazetteer()).posts())
    assert again == posts(400)
    assert again != posts(400, seed=8)


@pytest.mark.parametrize("people", [1, 2, 37, 400, PEOPLE])
def test_as_many_good_scans_as_people(people: int) -> None:
    assert sum(scan.kind in ("live", "late") for post in posts(people) for scan in post.scans) == people


def test_posts_leave_in_order_of_time_within_the_day() -> None:
    times = [post.at for post in posts()]
    assert times == sorted(times)
    assert {time.date() for time in times} == {DAY}


def test_every_good_scan_is_valid_and_known_to_nobody_else() -> None:
    ids = set()
    for _, planned, value in good():
        scan = validate_scan(value)
        assert scan.event_id == planned.event_id
        ids.add(scan.event_id)
    assert len(ids) == PEOPLE


def test_numbers_of_a_device_count_up_and_ids_carry_the_devices_time() -> None:
    last: dict[str, int] = {}
    for post, _, value in sorted(good(), key=lambda item: item[2]["sequence"]):
        assert value["sequence"] > last.get(post.site_id, 0)
        last[post.site_id] = value["sequence"]
        scan = validate_scan(value)
        assert abs(uuid7_time(scan.event_id) - scan.occurred_at.timestamp() * 1000) < 2


def test_shares_are_as_ordered() -> None:
    kinds = Counter(scan.kind.partition(":")[0] for post in posts() for scan in post.scans)
    assert kinds["repeat"] >= 0.02 * PEOPLE
    assert kinds["late"] >= 0.01 * PEOPLE
    assert kinds["bad"] >= 0.01 * PEOPLE
    assert kinds["conflict"] >= 1


def test_every_site_and_every_county_takes_part() -> None:
    assert {post.site_id for post in posts()} == {site.site_id for site in DayPlan(DAY, 1, 1, gazetteer()).sites}
    counties = Counter(scan.truth[:6] for _, scan, _ in good() if scan.truth[:4] == "4114")
    assert len(counties) == 11


def test_seven_of_ten_destinations_are_coded_and_all_codes_exist() -> None:
    coded = [value["destination"]["code"] for _, _, value in good() if "code" in value["destination"]]
    assert 0.66 < len(coded) / PEOPLE < 0.74
    assert all(gazetteer().known(code) for code in coded)
    truths = {scan.truth for _, scan, _ in good()}
    assert all(gazetteer().known(truth) for truth in truths - {"outside", "unresolved"})
    ways = {scan.way for _, scan, _ in good()}
    assert {"typo", "later_name", "abbreviated", "no_county", "house_number", "same_as_above", "outside", "vague"} <= ways


def test_fever_is_rare_and_missing_temperatures_are_missing() -> None:
    measured = [value.get("temperature_c") for _, _, value in good()]
    fever = sum(1 for t in measured if t is not None and 37.3 <= t <= 42)
    assert 0.001 < fever / PEOPLE < 0.008
    assert 0.01 < measured.count(None) / PEOPLE < 0.03


def test_families_share_car_party_and_address_and_train_groups_share_a_coach() -> None:
    parties: dict[str, list[dict[str, Any]]] = {}
    for _, _, value in good():
        if "party_id" in value:
            parties.setdefault(value["party_id"], []).append(value)
    large = [members for members in parties.values() if len(members) > 1]
    assert len(large) > 300
    for members in large:
        assert len({orjson.dumps({**m.get("vehicle", {}), "seat": ""}) for m in members}) == 1
        assert len({(m["rail"]["train"], m["rail"]["coach"]) for m in members if "rail" in m}) <= 1
        assert len({m["site_id"] for m in members}) == 1
    assert any(m[0].get("vehicle", {}).get("role") == "coach" and len(m) >= 18 for m in large)


def test_overnight_trains_left_the_day_before_and_pairs_are_neighbours() -> None:
    days = Counter(value["rail"]["service_date"] for _, _, value in good() if "rail" in value)
    assert set(days) == {"2020-02-17", "2020-02-18"}
    for train in DayPlan(DAY, 1, 1, gazetteer()).trains:
        number, pair = (int("".join(c for c in name if c.isdigit())) for name in (train.number, train.pair))
        assert abs(number - pair) == 1
        assert number // 2 == pair // 2 or max(number, pair) % 2 == 0


def test_ids_are_valid_but_for_the_odd_ones() -> None:
    numbers = [v["person"]["document_number"] for _, _, v in good() if v["person"]["document_type"] == "resident_id"]
    plain = [n for n in numbers if len(n) == 18 and n.isascii() and n == n.upper()]
    valid = sum(mod_11_2.is_valid(n) for n in plain)
    assert valid < len(plain) < len(numbers)
    assert valid / len(plain) > 0.99


def test_devices_without_network_are_late_and_two_clocks_are_wrong() -> None:
    late, suspect = set(), set()
    kept = {p.site_id for p in posts() if p.how == "keep"}
    back = {p.site_id: p.at for p in posts() if p.how == "reconnect"}
    assert kept <= set(back)
    for post, _, value in good():
        received = back[post.site_id] if post.how == "keep" else post.at
        flags = prepare(validate_scan(value), "d", received, lambda *_: "0" * 32).flags
        late |= {post.site_id} if "late" in flags else set()
        suspect |= {post.site_id} if "clock_suspect" in flags else set()
    assert late
    assert late <= kept
    assert len(suspect) == 2


def test_a_repeat_is_the_same_bytes_later_and_a_conflict_is_not() -> None:
    first = {scan.event_id: (post.at, scan.body) for post, scan, _ in good()}
    for post in posts():
        for scan in post.scans:
            if scan.kind in ("repeat", "conflict"):
                at, body = first[scan.event_id]
                assert post.at - at >= timedelta(seconds=39)
                assert (scan.body == body) is (scan.kind == "repeat")
                assert scan.event_id in post.after


def refused(body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> bool:
    try:
        given = dict(headers)
        if given.get("Content-Encoding") == "br" or given.get("Content-Type", "application/json") != "application/json":
            return True
        raw = inflate(body, MOST_BYTES) if given.get("Content-Encoding") == "gzip" else body
        if len(raw) > MOST_BYTES:
            return True
        values, _ = parse_body(raw)
        for value in values:
            validate_scan(value)
    except ArrivalsError:
        return True
    return False


def test_every_bad_post_is_refused_and_every_fault_occurs() -> None:
    seen = set()
    for post in (post for seed in (7, 8, 9, 10) for post in posts(4_000, seed)):
        for scan in post.scans:
            if scan.kind.startswith("bad:"):
                fault = scan.kind.removeprefix("bad:")
                seen.add(fault)
                assert fault == "wrong_site" or refused(scan.body, post.headers), fault
    assert seen - {TOO_LARGE} == {*ITEM_FAULTS, *BODY_FAULTS, "wrong_site"}


def test_a_batch_holds_its_scans_in_order() -> None:
    batches = [post for post in posts() if len(post.scans) > 1]
    assert len(batches) > 50
    for post in batches:
        assert 2 <= len(post.scans) <= 51
        assert orjson.loads(post.body) == [orjson.loads(scan.body) for scan in post.scans]
        assert all(isinstance(post.at, datetime) for post in batches)
