"""The dated rows of the `reference` topic: whatever can change a decision or a right, appended and never overwritten.

`valid_from`/`valid_to` say when a row holds in the world, `known_from` when the city knew it. A later row with the
same `kind` and
`key` supersedes an earlier one for the time both are valid. The offset of a row is the reference version from which it counts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.areas import CaseCountData, SuccessionData
from schemas.base import AreaCode, EventId, Identifier, Instant, ShortText, Tolerant, UnitCode
from schemas.contact_rules import ContactRuleData
from schemas.duty_terms import DutyTermsData
from schemas.rule_conditions import Grade
from schemas.rules import PassData, PassTypeData, PassUseData, RuleData
from schemas.webhook import WebhookData

Role = Literal["device", "unit", "county", "health_desk", "analyst", "administrator"]


class GradeData(Tolerant):
    """The risk grade of an area of any level; the longest valid prefix of a place's code wins (State Council, 17 Feb 2020)."""

    kind: Literal["grade"]
    area: AreaCode
    grade: Grade


class SiteData(Tolerant):
    """A checkpoint or station. `county` answers for arrivals whose destination nobody can name."""

    kind: Literal["site"]
    site_id: Identifier
    name: ShortText
    site_kind: Literal["checkpoint", "rail"]
    county: AreaCode


class UnitData(Tolerant):
    """A management unit below the village: a natural village, compound or building, with the names people write."""

    kind: Literal["unit"]
    unit: UnitCode
    parent: UnitCode
    name: ShortText
    aliases: Annotated[tuple[str, ...], Field(strict=False)] = ()


class CredentialData(Tolerant):
    """A bearer token by its SHA-256; `scope` is a site for a device, a unit for a desk, `*` for the whole city. A device of
    check-ins has the enterprise it reports for, or the county, township or unit in which it reports for all.
    """

    kind: Literal["credential"]
    token_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    role: Role
    subject: Identifier
    scope: str


class CorrectionData(Tolerant):
    """What a person found out about one arrival: its true destination, its true origin, or both. It beats the machine.

    Of several rows of an event the newest that names a place counts for it; a withdrawn row takes all earlier ones back. The row
    may stand on the topic before the scan does.
    """

    kind: Literal["correction"]
    event_id: EventId
    destination: UnitCode | None = None
    origin: AreaCode | None = None


Data = Annotated[
    GradeData
    | SiteData
    | UnitData
    | SuccessionData
    | CaseCountData
    | PassData
    | PassTypeData
    | PassUseData
    | RuleData
    | CredentialData
    | CorrectionData
    | ContactRuleData
    | WebhookData
    | DutyTermsData,
    Field(discriminator="kind"),
]


class ReferenceRow(Tolerant):
    """One appended row; `row_id` is unique for ever and is what evidence points at."""

    version: Literal[1]
    row_id: Identifier
    key: str
    valid_from: Instant
    valid_to: Instant | None = None
    known_from: Instant
    author: ShortText
    reason: ShortText
    #: A withdrawal: for its period nothing holds under the key (a revoked token, a grade taken back).
    withdrawn: bool = False
    data: Data


REFERENCE_ROW: TypeAdapter[ReferenceRow] = TypeAdapter(ReferenceRow)
