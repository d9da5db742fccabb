"""A duty: one arrival in the hands of exactly one accountable unit. Immutable; every change makes a new version. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.arrival import DECISIONS, Decision, Risk
from schemas.base import Day, EventId, Identifier, Instant, Tolerant, UnitCode
from schemas.contact_rules import Strength
from schemas.scan import Symptom
from schemas.unit_action import Act, DeclineReason, DutyState, ReleaseReason

#: What is known of the case whose contacts are traced: 确诊 · 疑似 · 无症状感染.
CaseFinding = Literal["confirmed", "suspected", "asymptomatic"]
#: The county digits of a unit; the city's own desk has fewer.
COUNTY_DIGITS = 6


class Facts(Tolerant):
    """What the latest version of the arrival says, as far as the duty depends on it. Nothing here tells who the person is."""

    revision: int
    routed_unit: UnitCode
    risk: Risk
    decision: Decision
    received_at: Instant
    arrived_on: Day
    site_id: Identifier
    site_county: str | None = None
    person_key: str
    party_id: str | None = None
    key_id: str
    observe_days: int | None = None


class Offer(Tolerant):
    """A transfer that waits for the other unit; until it accepts the sender stays responsible."""

    to: UnitCode
    by: Identifier
    at: Instant
    expires_at: Instant


class Declined(Tolerant):
    """The unit that gave the arrival back, and why: whoever stands above finds where it belongs."""

    by: UnitCode
    reason: DeclineReason
    at: Instant


class Observation(Tolerant):
    """From the first day until the last; `reported` has one bit for every half-day with a report."""

    from_day: Day
    until_day: Day
    reported: int = 0
    report_due_at: Instant


class HealthAlert(Tolerant):
    """What the health desk has to look at, and when it did."""

    reason: Literal["fever", "symptom"]
    at: Instant
    temperature_c: float | None = None
    symptoms: Annotated[tuple[Symptom, ...], Field(strict=False)] = ()
    seen_at: Instant | None = None


class CaseContact(Tolerant):
    """A task: the person travelled with a case and is to be isolated and tested. How close, by which rule and by whose order.

    `case` is the event id of the case, for health desks and counties alone; the unit sees the rule. `distance` counts rows or
    compartments, `minutes` the time between two scans. `seen_at`: when the accountable unit acknowledged the task.
    """

    case: EventId
    finding: CaseFinding
    strength: Strength
    rule: Identifier
    rule_row: str
    distance: int | None = None
    minutes: int | None = None
    text_zh: str
    text_en: str
    source_zh: str
    source_en: str
    at: Instant
    by: Identifier
    seen_at: Instant | None = None


class Duty(Tolerant):
    """The present state. `due_at` is set while an acknowledgement is owed; `touched` once a person of the unit has acted."""

    event_id: EventId
    version: int
    unit: UnitCode
    state: DutyState
    #: Since when this unit has it: the desk's own clock, because nobody can be late for what he was not told.
    since: Instant
    facts: Facts
    touched: bool = False
    remind_at: Instant | None = None
    due_at: Instant | None = None
    escalated_at: Instant | None = None
    escalated_to: UnitCode | None = None
    offer: Offer | None = None
    #: Since it came back and until another unit has taken it over.
    declined: Declined | None = None
    observation: Observation | None = None
    health: HealthAlert | None = None
    contacts: Annotated[tuple[CaseContact, ...], Field(strict=False)] = ()
    #: The arrival whose phone answers for this person (a household).
    proxy: EventId | None = None
    #: Where a later decision would route the arrival; the unit that has it decides.
    rerouted_to: UnitCode | None = None
    released_as: ReleaseReason | None = None
    changed_at: Instant
    changed_by: Identifier
    #: The client's name for the last change: the same request again is answered and not done twice.
    request_id: str | None = None
    undo: Undo | None = None

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state != "released"

    @property
    def owed(self) -> bool:
        """Whether the unit has to acknowledge something: the duty itself, or a task that came later."""
        return self.open and (self.state == "pending" or any(contact.seen_at is None for contact in self.contacts))

    @property
    def risk(self) -> Risk:
        """The risk of the arrival; high for a contact of a case."""
        return "high" if self.contacts else self.facts.risk

    @property
    def decision(self) -> Decision:
        """The decision of the arrival, or what a contact asks for where that is more: isolation if close, else observation."""
        asked: list[Decision] = ["isolate" if contact.strength == "close" else "observe" for contact in self.contacts]
        return max(self.facts.decision, *asked, key=DECISIONS.index) if asked else self.facts.decision

    @property
    def county(self) -> str:
        """The county whose desk stands behind the unit; 4114 for the city's."""
        return self.unit.partition("-")[0][:COUNTY_DIGITS]

    def next_tick(self) -> datetime | None:
        """When something will happen to this duty by itself."""
        times = [self.offer.expires_at] if self.offer else []
        if self.owed:
            times += [at for at in (self.remind_at, None if self.escalated_at else self.due_at) if at is not None]
        return min(times, default=None)

    def late(self, now: datetime) -> bool:
        """Whether an acknowledgement or a half-day's report is overdue."""
        late = self.late_from()
        return late is not None and late <= now

    def late_from(self) -> datetime | None:
        """From when on an acknowledgement or a half-day's report is overdue; None while nothing is owed."""
        times = [self.due_at] if self.owed and self.due_at else []
        if self.state == "observing" and self.observation is not None:
            times.append(self.observation.report_due_at)
        return min(times, default=None)


class Undo(Tolerant):
    """What the last act replaced, for the few seconds in which whoever did it may take it back."""

    act: Act
    by: Identifier
    until: Instant
    before: Duty


DUTY: TypeAdapter[Duty] = TypeAdapter(Duty)
