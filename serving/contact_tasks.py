"""From a case to a task for every unit that is accountable for a contact: what is ordered, and what is answered. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from reference.snapshot import Snapshot
from schemas.base import Strict
from schemas.contact_rules import Strength
from serving.access import Principal
from serving.contact_list import Found
from serving.duties.duty import CaseContact, CaseFinding
from serving.duties.situation import Situation
from serving.duties.tracing import Tied, Traced, TraceOrder
from serving.names import place_name


class Tasks(Strict):
    """Which ties become tasks (whoever has several is taken by the strongest), and what is known of the case."""

    ties: Annotated[tuple[Strength, ...], Field(strict=False, min_length=1, max_length=3)] = ("close",)
    reason: CaseFinding


def order_of(event_id: str, tasks: Tasks) -> TraceOrder:
    """The order for a case."""
    return TraceOrder(event_id, tasks.reason, tuple(dict.fromkeys(tasks.ties)))


def tied(found: Found, order: TraceOrder, who: Principal, now: Situation) -> list[Tied]:
    """Everybody the order is about, with the task: the strongest tie, its rule and where the rule is from."""
    made = []
    for row, tie in found.ties():
        if tie.strength in order.strengths:
            data = tie.rule.data
            contact = CaseContact(
                case=order.case,
                finding=order.finding,
                strength=tie.strength,
                rule=data.rule,
                rule_row=tie.rule.row_id,
                distance=tie.distance,
                minutes=tie.minutes,
                at=now.now,
                by=who.subject,
                **{name: getattr(data, name) for name in ("text_zh", "text_en", "source_zh", "source_en")},
            )
            made.append(Tied(str(row["event_id"]), row["person_key"], contact))
    return made


def told_tasks(traced: Sequence[Traced], snapshot: Snapshot) -> dict[str, Any]:
    """The answer: how many people, how many were told now or before, and by unit; nobody by name or number.

    `closed` are people for whom nothing is to be done here, by how their duty ended; `absent` those the desk has no duty of yet:
    repeating the order reaches them later and tells nobody twice.
    """
    outcomes = Counter(one.outcome for one in traced)
    units: dict[str, Counter[str]] = {}
    for one in traced:
        if one.duty is not None and one.outcome in ("task", "known"):
            units.setdefault(one.duty.unit, Counter())[one.outcome] += 1
    closed = Counter(one.duty.released_as for one in traced if one.duty is not None and one.outcome == "closed")
    return {
        "found": len(traced),
        "tasks": outcomes["task"],
        "known": outcomes["known"],
        "absent": outcomes["absent"],
        "closed": outcomes["closed"],
        "closed_as": {str(reason): count for reason, count in closed.most_common()},
        "units": [
            {"unit": unit, "unit_name": place_name(snapshot, unit), "tasks": counted["task"], "known": counted["known"]}
            for unit, counted in sorted(units.items(), key=lambda pair: (-pair[1]["task"], pair[0]))
        ],
    }
