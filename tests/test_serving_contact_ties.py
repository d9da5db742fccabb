"""Which two people are joined, by which rule, how strongly; the same both ways; and what the answer tells whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from reference.gazetteer import load_gazetteer
from reference.rows import make_row
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from schemas.contact_rules import STRENGTHS, ContactRuleData
from serving.contact_list import told_contacts
from serving.contact_ties import Traveller, rules_in_force, ties_between

AT = datetime(2020, 2, 18, 8, 30, tzinfo=LOCAL)
SNAPSHOT = Snapshot.empty(load_gazetteer())
RULES = rules_in_force(SNAPSHOT, AT)


def on_train(key: str = "a", train: str = "K1234", coach: str = "05", seat: str = "", **more: Any) -> Traveller:
    return Traveller(key, AT, "rail", "ST-SQF", train_pair=train, service_date=date(2020, 2, 17), coach=coach, seat=seat, **more)


def on_road(key: str = "a", minutes: float = 0, site: str = "CP-1", **more: Any) -> Traveller:
    return Traveller(key, AT + timedelta(minutes=minutes), "checkpoint", site, **more)


def joined(one: Traveller, other: Traveller) -> list[tuple[str, str, int | None]]:
    return [(t.rule.data.rule, t.strength, t.distance) for t in ties_between(one, replace(other, person_key="b"), RULES)]


TRAIN_CASES: list[tuple[Traveller, Traveller, list[tuple[str, str, int | None]]]] = [
    (
        on_train(seat="05A", train="G1802"),
        on_train(seat="08F", train="G1802", coach="5"),
        [("train-rows", "close", 3), ("train-sealed-coach", "close", 3)],
    ),
    (on_train(seat="05A"), on_train(seat="09A"), [("train-sealed-coach", "close", 4)]),
    (on_train(seat="05A"), on_train(seat="05B", coach="06"), []),
    (on_train(seat="05A"), on_train(seat="05B", train="K1236"), []),
    (on_train(seat="03下"), on_train(seat="04上"), [("train-compartment", "close", 0), ("train-sleeper-coach", "general", 0)]),
    (on_train(seat="03下"), on_train(seat="05上"), [("train-sleeper-coach", "general", 1)]),
    (
        on_train(seat="058", train="6902"),
        on_train(seat="061", train="6902"),
        [("train-open-bay", "close", 1), ("train-rows", "close", 1)],
    ),
    (on_train(seat="058", train="6902"), on_train(seat="075", train="6902"), []),
    (on_train(seat="05A", coach=""), on_train(seat="05B"), [("train-coach-unknown", "weak", None)]),
    (on_train(seat="05A", coach="加5"), on_train(seat="05B"), []),
    (
        on_train(seat="05A"),
        on_train(seat="无座"),
        [("train-sealed-coach", "close", None), ("train-rows", "general", None)],
    ),
]


@pytest.mark.parametrize(("one", "other", "ties"), TRAIN_CASES)
def test_on_a_train(one: Traveller, other: Traveller, ties: list[tuple[str, str, int | None]]) -> None:
    assert joined(one, other) == ties


def test_another_service_date_is_another_train() -> None:
    other = replace(on_train(seat="05B"), service_date=date(2020, 2, 18))
    assert joined(on_train(seat="05A"), other) == []
    assert joined(replace(other, service_date=None), replace(other, service_date=None)) == []


def test_on_the_road() -> None:
    car: dict[str, Any] = {"vehicle_key": "v", "vehicle_role": "private"}
    assert joined(on_road(**car), on_road(minutes=1, **car)) == [
        ("vehicle", "close", None), ("vehicle-elsewhere", "general", None), ("checkpoint-minutes", "weak", None),
    ]  # fmt: skip
    assert [rule for rule, _, _ in joined(on_road(**car), on_road(minutes=300, site="CP-2", **car))] == ["vehicle-elsewhere"]
    assert joined(on_road(**car), on_road(minutes=721, **car)) == []
    assert joined(on_road(vehicle_key="v"), on_road(minutes=6, vehicle_key="w")) == []
    bus: dict[str, Any] = {"vehicle_key": "v", "vehicle_role": "coach"}
    near, far = on_road(minutes=9, vehicle_seat="13", **bus), on_road(minutes=9, vehicle_seat="30", **bus)
    assert joined(on_road(vehicle_seat="1", **bus), near) == [("coach-rows", "close", 3), ("coach-sealed", "close", 3)]
    assert joined(on_road(vehicle_seat="1", **bus), far) == [("coach-sealed", "close", 7)]


def test_parties_and_queues() -> None:
    one = on_road(party_id="p")
    assert ("party", "close", None) in joined(one, on_road(minutes=30, party_id="p"))
    assert joined(one, on_road(minutes=30, party_id="p", site="CP-2")) == []
    assert joined(one, on_road(minutes=5)) == [("checkpoint-minutes", "weak", None)]
    assert joined(one, on_road(minutes=5.1)) == []
    assert joined(on_road(), on_road()) == [("checkpoint-minutes", "weak", None)]


def test_nobody_is_their_own_contact() -> None:
    assert ties_between(on_train("a", seat="05A"), on_train("a", seat="05A"), RULES) == ()


travellers = st.builds(
    Traveller,
    person_key=st.sampled_from("abc"),
    occurred_at=st.integers(0, 900).map(lambda minutes: AT + timedelta(minutes=minutes)),
    kind=st.sampled_from(("checkpoint", "rail")),
    site_id=st.sampled_from(("CP-1", "CP-2")),
    party_id=st.sampled_from(("", "p")),
    vehicle_key=st.sampled_from(("", "v")),
    vehicle_role=st.sampled_from(("", "private", "coach")),
    vehicle_seat=st.sampled_from(("", "1", "9", "40")),
    train_pair=st.sampled_from(("", "K1234", "6902", "G1802")),
    service_date=st.sampled_from((None, date(2020, 2, 17), date(2020, 2, 18))),
    coach=st.sampled_from(("", "5", "05", "加5", "6")),
    seat=st.sampled_from(("", "05A", "08B", "12F", "058", "003", "03下", "04上", "软卧04上", "无座")),
)


@settings(max_examples=200)
@given(travellers, travellers)
def test_a_tie_is_the_same_both_ways(one: Traveller, other: Traveller) -> None:
    ties = ties_between(one, other, RULES)
    assert ties == ties_between(other, one, RULES)
    assert [STRENGTHS.index(tie.strength) for tie in ties] == sorted(STRENGTHS.index(tie.strength) for tie in ties)
    assert len({tie.rule.data.rule for tie in ties}) == len(ties)


def rule(**changes: Any) -> ContactRuleData:
    values = {"rule": "train-sealed-coach", "rule_version": 2, "means": "train", "strength": "general"}
    texts = dict.fromkeys(("text_zh", "text_en", "source_zh", "source_en"), "x")
    return ContactRuleData(kind="contact-rule", **{**values, **texts, **changes})


def test_a_later_row_changes_a_rule_from_its_date_on_and_a_withdrawal_ends_it() -> None:
    weaker = make_row(rule(), key="train-sealed-coach", author="t", reason="t", valid_from=AT)
    gone = make_row(rule(rule="train-rows"), key="train-rows", author="t", reason="t", valid_from=AT, withdrawn=True)
    snapshot = SNAPSHOT.with_rows([(0, weaker), (1, gone)])
    one, other = on_train("a", seat="05A"), on_train("b", seat="06A")

    def names(at: datetime) -> list[tuple[str, str]]:
        return [(t.rule.data.rule, t.strength) for t in ties_between(one, other, rules_in_force(snapshot, at))]

    assert names(AT) == [("train-sealed-coach", "general")]
    assert names(AT - timedelta(minutes=1)) == [("train-rows", "close"), ("train-sealed-coach", "close")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"within_minutes": 5},
        {"means": "vehicle"},
        {"means": "vehicle", "within_minutes": 5, "extent": "bay"},
        {"means": "party", "within_minutes": 5, "extent": "rows"},
        {"means": "party", "within_minutes": 5, "trains": ["G"]},
        {"trains": ["高"]},
    ],
)
def test_a_rule_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rule(**wrong)


def row(number: int, key: str, yours: bool = True, **more: Any) -> dict[str, Any]:
    return {
        **on_train(key, seat="05A").__dict__,
        "event_id": f"01705656-c5a0-7001-8000-{number:012x}",
        "name_masked": "张*",
        "document_last4": "0012",
        "phone_last4": "1234",
        "unit": "411426101201",
        "county_code": "411426",
        "risk": "low",
        "train": "K1234",
        "yours": yours,
    } | more


def test_one_entry_per_person_with_the_strongest_tie_and_others_masked() -> None:
    case = row(1, "a")
    candidates = [
        row(2, "b", seat="12A"),
        row(3, "b", seat="06A"),
        row(4, "c", yours=False, unit="411481100", seat="05B"),
        row(5, "d", coach="", seat=""),
        row(6, "e", coach="09"),
    ]
    told = told_contacts(case, candidates, RULES, SNAPSHOT)
    assert [(c["strength"], c["ties"][0]["distance"], c["seat"]) for c in told["contacts"]] == [
        ("close", 0, "05B"), ("close", 1, "06A"), ("weak", None, ""),
    ]  # fmt: skip
    assert told["total"] == 3
    assert told["by_strength"] == {"close": 2, "general": 0, "weak": 1}
    assert told["units"][0] == {"unit": "411426101201", "unit_name": "夏邑县 会亭镇 冉石庄村委会", "contacts": 2}
    foreign = told["contacts"][0]
    assert (foreign["unit"], foreign["name_masked"]) == ("411481100", "张*")
    assert all(foreign[name] is None for name in ("event_id", "document_last4", "phone_last4", "risk"))
    assert "person_key" not in foreign
    assert told["contacts"][1]["document_last4"] == "0012"
