"""Sending a day: everything is answered and booked, also through outages, and the history names no person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from producers.client import Patience
from producers.outbox import Outbox
from producers.simulator.day import DayPlan
from producers.simulator.sending import Sending
from producers.simulator.simulate import simulate
from producers.simulator.summary import Summary
from reference.gazetteer import load_gazetteer
from schemas.errors import Misconfigured, Refused
from tests.stand_in_gateway import StandInGateway, stand_in_gateway

PEOPLE = 400
FAST = 5_000.0


@pytest.fixture
def gateway() -> Iterator[StandInGateway]:
    with stand_in_gateway() as running:
        yield running


@pytest.fixture(scope="module")
def plan() -> DayPlan:
    return DayPlan(date(2020, 2, 18), PEOPLE, 7, load_gazetteer())


def tokens(plan: DayPlan) -> dict[str, str]:
    return {site.site_id: f"sq_device_{site.site_id}" for site in plan.sites}


def play(plan: DayPlan, gateway: StandInGateway, folder: Path, seconds: float = 30) -> Summary:
    sending = Sending(FAST, folder, folder / "history.jsonl", patience=Patience(total_seconds=seconds))
    return simulate(plan, gateway.url, tokens(plan), sending)


def history(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def accepted(summary: Summary, kind: str) -> int:
    return summary.by_kind[kind]["accepted"]


def test_every_scan_of_the_day_gets_the_answer_of_its_kind(plan: DayPlan, gateway: StandInGateway, tmp_path: Path) -> None:
    summary = play(plan, gateway, tmp_path)
    planned = sum(len(post.scans) for post in plan.posts())
    assert summary.unexpected() == {}
    assert summary.accepted == PEOPLE == len(gateway.seen)
    assert summary.scans == planned == len(history(tmp_path))
    assert accepted(summary, "late") > 0
    assert summary.unconfirmed == summary.retries == 0
    assert json.dumps(summary.as_dict())


def test_the_simulated_time_goes_with_every_post_in_order(plan: DayPlan, gateway: StandInGateway, tmp_path: Path) -> None:
    play(plan, gateway, tmp_path)
    stated = [headers["X-Simulated-Now"] for headers, _ in gateway.requests]
    assert all(time.startswith("2020-02-18T") and time.endswith("+08:00") for time in stated)
    assert sum(a > b for a, b in pairwise(stated)) < len(stated) / 2


def test_a_day_with_trouble_ends_like_one_without(plan: DayPlan, gateway: StandInGateway, tmp_path: Path) -> None:
    def trouble(number: int) -> Any:
        return {0: (503, {"Retry-After": "0"}), 1: "close", 2: (429, {"Retry-After": "0"})}.get(number % 8)

    gateway.trouble = trouble
    summary = play(plan, gateway, tmp_path)
    assert summary.unexpected() == {}
    assert summary.accepted == PEOPLE == len(gateway.seen)
    assert summary.retries > 50


def test_the_same_day_again_is_all_duplicates(plan: DayPlan, gateway: StandInGateway, tmp_path: Path) -> None:
    play(plan, gateway, tmp_path)
    again = play(plan, gateway, tmp_path)
    assert (again.accepted, again.unexpected()) == (0, {})
    assert len(gateway.seen) == PEOPLE


def test_unanswered_scans_are_named_and_a_second_run_brings_them(plan: DayPlan, gateway: StandInGateway, tmp_path: Path) -> None:
    gateway.trouble = lambda _: (503, {"Retry-After": "60"})
    first = play(plan, gateway, tmp_path, seconds=0.1)
    assert first.accepted == 0
    assert first.unconfirmed == first.scans
    assert {line["status"] for line in history(tmp_path)} == {"unconfirmed"}
    late = sum(Outbox(path).waiting() for path in tmp_path.glob("*.outbox"))
    assert late == first.by_kind["late"]["unconfirmed"] > 0
    gateway.trouble = lambda _: None
    second = play(plan, gateway, tmp_path)
    assert (second.accepted, second.unexpected()) == (PEOPLE, {})


def test_the_history_holds_ids_digests_and_truth_but_no_person(plan: DayPlan, gateway: StandInGateway, tmp_path: Path) -> None:
    play(plan, gateway, tmp_path)
    text = (tmp_path / "history.jsonl").read_text()
    for value in [json.loads(scan.body) for post in plan.posts() for scan in post.scans if scan.kind == "live"]:
        assert value["person"]["document_number"] not in text
        assert value["person"].get("phone", "+86") not in text
    line = history(tmp_path)[0]
    assert set(line) == {"event_id", "site_id", "kind", "at", "digest", "status", "reasons", "truth", "way"}


def test_an_unknown_device_stops_the_run(plan: DayPlan, gateway: StandInGateway, tmp_path: Path) -> None:
    gateway.trouble = lambda _: (401, {})
    with pytest.raises(Refused):
        play(plan, gateway, tmp_path)


def test_a_site_without_token_is_named_before_anything_is_sent(plan: DayPlan, gateway: StandInGateway, tmp_path: Path) -> None:
    known = tokens(plan)
    del known["ST-SQF"]
    with pytest.raises(Misconfigured, match="ST-SQF"):
        simulate(plan, gateway.url, known, Sending(FAST, tmp_path))
    assert gateway.requests == []
