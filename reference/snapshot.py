"""Everything that can change a decision or a right, as of one offset of the `reference` topic. Immutable; swapped whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from reference.dated import Dated, DatedTable, dated
from reference.gazetteer import Gazetteer
from reference.resolver import CustomUnit, Resolver
from reference.succession import new_codes, new_names, standing_parts, successors
from schemas.areas import CaseCountData, SuccessionData
from schemas.arrival import UnitLevel
from schemas.contact_rules import ContactRuleData
from schemas.duty_terms import DutyTermsData
from schemas.reference_rows import CorrectionData, CredentialData, GradeData, ReferenceRow, SiteData, UnitData
from schemas.rules import PassData, PassTypeData, PassUseData, RuleData, rule_key
from schemas.webhook import WebhookData

D = TypeVar("D")
CITY = "4114"
_LEVELS: dict[int, UnitLevel] = {4: "city", 6: "county", 9: "township", 12: "village"}
_PREFIXES = (12, 9, 6, 4, 2)
_VILLAGE = 12
_WORST_FIRST = ("high", "medium", "low")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The reference as of `version` (the offset of the last row applied, -1 before the first)."""

    gazetteer: Gazetteer
    version: int = -1
    grades: DatedTable[GradeData] = field(default_factory=DatedTable)
    sites: DatedTable[SiteData] = field(default_factory=DatedTable)
    units: DatedTable[UnitData] = field(default_factory=DatedTable)
    successions: DatedTable[SuccessionData] = field(default_factory=DatedTable)
    case_counts: DatedTable[CaseCountData] = field(default_factory=DatedTable)
    passes: DatedTable[PassData] = field(default_factory=DatedTable)
    pass_types: DatedTable[PassTypeData] = field(default_factory=DatedTable)
    pass_uses: DatedTable[PassUseData] = field(default_factory=DatedTable)
    rules: DatedTable[RuleData] = field(default_factory=DatedTable)
    credentials: DatedTable[CredentialData] = field(default_factory=DatedTable)
    corrections: DatedTable[CorrectionData] = field(default_factory=DatedTable)
    contact_rules: DatedTable[ContactRuleData] = field(default_factory=DatedTable)
    webhooks: DatedTable[WebhookData] = field(default_factory=DatedTable)
    duty_terms: DatedTable[DutyTermsData] = field(default_factory=DatedTable)

    @classmethod
    def empty(cls, gazetteer: Gazetteer) -> Snapshot:
        """The snapshot before the first row."""
        return cls(gazetteer)

    def with_rows(self, rows: Sequence[tuple[int, ReferenceRow]]) -> Snapshot:
        """A new snapshot with the rows (offset, row) applied; rows at or below the present version are ignored."""
        fresh = [(offset, row) for offset, row in rows if offset > self.version]
        if not fresh:
            return self
        tables = {name: getattr(self, name).with_rows(_rows_of(fresh, kind, key)) for name, kind, key in _KINDS.values()}
        made = replace(self, version=fresh[-1][0], **tables)
        if not any(isinstance(row.data, UnitData | SuccessionData) for _, row in fresh) and "resolver" in self.__dict__:
            made.__dict__["resolver"] = self.resolver
        return made

    @cached_property
    def resolver(self) -> Resolver:
        """The address resolver over the gazetteer, the custom units of this snapshot, and the new names of the city's units."""
        newest = [self.units.history(key)[0].data for key in self.units.keys()]
        custom = [CustomUnit(u.unit, u.parent, u.name, u.aliases) for u in newest]
        renamed = {code: name for code, name in self.new_names.items() if code.startswith(CITY) and len(code) == _VILLAGE}
        custom += [CustomUnit(code, code if self.gazetteer.known(code) else code[:9], name) for code, name in renamed.items()]
        return Resolver(self.gazetteer, tuple(custom))

    def grade(self, area: str, at: datetime, known_at: datetime | None = None) -> Dated[GradeData] | None:
        """The grade of an area at an instant: the longest prefix of its code that has a valid row wins.

        An area that merged or was renamed by then bears the grade of what it became, one that was split the highest of its parts'
        (the share of each is not known). `known_at` asks as it was known then.
        """
        size = len(area)
        for length in _PREFIXES:
            if length <= size:
                row = self._grade_of(area[:length], at, known_at)
                if row is not None:
                    return row
        return None

    def _grade_of(self, code: str, at: datetime, known_at: datetime | None) -> Dated[GradeData] | None:
        if self.successions:
            parts = standing_parts(self.successions, code, at, known_at)
            rows = [row for part in parts if (row := self.grades.at(part, at, known_at))]
            if rows:
                return min(rows, key=lambda row: _WORST_FIRST.index(row.data.grade))
        return self.grades.at(code, at, known_at)

    def site(self, site_id: str, at: datetime) -> SiteData | None:
        """The site, if it exists at that time."""
        return _data(self.sites.at(site_id, at))

    def permit(self, pass_id: str, at: datetime) -> Dated[PassData] | None:
        """The pass, if it is valid at that time."""
        return self.passes.at(pass_id, at)

    def credential(self, token_sha256: str, at: datetime) -> CredentialData | None:
        """The credential of a token, if it is valid at that time."""
        return _data(self.credentials.at(token_sha256, at))

    def unit_name(self, unit: str) -> str:
        """The Chinese name of a unit or area, its newest one; the code itself where there is none."""
        if unit in self.new_names:
            return self.new_names[unit]
        if "-" in unit:
            rows = self.units.history(unit)
            return rows[0].data.name if rows else unit
        area = self.gazetteer.get(unit)
        return area.name if area else unit

    def known(self, code: str) -> bool:
        """Whether there is or was such an area: in the gazetteer's edition, or made by a succession since."""
        return self.gazetteer.known(code) or code in self.new_codes

    @cached_property
    def new_names(self) -> Mapping[str, str]:
        """Code -> name of the areas and units that successions named."""
        return new_names(self.successions)

    @cached_property
    def new_codes(self) -> frozenset[str]:
        """The codes of the areas and units that successions made, known to the gazetteer or not."""
        return new_codes(self.successions)

    def standing(self, unit: str, at: datetime) -> str:
        """The unit that answers for a unit at an instant: itself while it stands, then its only successor, else (it was split or
        dissolved) the nearest unit above that stands. Never nobody: the city at last.
        """
        if not self.successions and "-" not in unit:
            return unit
        seen: set[str] = set()
        while unit not in seen:
            seen.add(unit)
            following = self._followed_by(unit, at)
            if following is None:
                return unit
            unit = following
        return CITY

    def _followed_by(self, unit: str, at: datetime) -> str | None:
        if "-" in unit and self.units.history(unit) and self.units.at(unit, at) is None:
            return self.parent(unit) or CITY
        part: str | None = unit
        while part is not None:
            if successors(self.successions, part, at) is not None:
                parts = standing_parts(self.successions, part, at)
                return parts[0] if len(parts) == 1 else self.parent(part) or CITY
            part = self.parent(part)
        return None

    def former(self, unit: str, at: datetime) -> tuple[str, ...]:
        """The units that ended and for which a unit answers at an instant as their only successor."""
        ended = (code for code in self.successions.keys() if successors(self.successions, code, at))
        return tuple(code for code in ended if standing_parts(self.successions, code, at) == (unit,))

    def ended(self, at: datetime) -> tuple[str, ...]:
        """The units of the city that do not stand at an instant: merged, split, dissolved, or withdrawn. Those below them ended
        with them and are not named.
        """
        followed = (code for code in self.successions.keys() if successors(self.successions, code, at) is not None)
        withdrawn = (unit for unit in self.units.keys() if self.units.at(unit, at) is None)
        return tuple(code for code in (*followed, *withdrawn) if code.startswith(CITY) and code != CITY)

    def unit_level(self, unit: str) -> UnitLevel:
        """`city`, `county`, `township`, `village` or `custom`."""
        if "-" in unit:
            return "custom"
        return _LEVELS.get(len(unit), "custom")

    def parent(self, unit: str) -> str | None:
        """The unit above; None above the city."""
        if "-" in unit:
            rows = self.units.history(unit)
            return rows[0].data.parent if rows else unit.partition("-")[0]
        return {12: unit[:9], 9: unit[:6], 6: unit[:4]}.get(len(unit))


def _data(row: Dated[D] | None) -> D | None:
    return row.data if row is not None else None


def _rows_of(rows: Sequence[tuple[int, ReferenceRow]], kind: type[D], key: Callable[[D], str]) -> list[tuple[str, Dated[D]]]:
    return [(key(row.data), dated(row, offset, row.data)) for offset, row in rows if isinstance(row.data, kind)]


#: Of every kind of row: the field of the snapshot that holds it, its data class, and what its rows are keyed by.
_KINDS: dict[str, tuple[str, type[Any], Callable[[Any], str]]] = {
    "grade": ("grades", GradeData, lambda d: d.area),
    "site": ("sites", SiteData, lambda d: d.site_id),
    "unit": ("units", UnitData, lambda d: d.unit),
    "succession": ("successions", SuccessionData, lambda d: d.unit),
    "case-count": ("case_counts", CaseCountData, lambda d: d.area),
    "pass": ("passes", PassData, lambda d: d.pass_id),
    "pass-type": ("pass_types", PassTypeData, lambda d: d.pass_type),
    "pass-use": ("pass_uses", PassUseData, lambda d: d.pass_id),
    "rule": ("rules", RuleData, rule_key),
    "credential": ("credentials", CredentialData, lambda d: d.token_sha256),
    "correction": ("corrections", CorrectionData, lambda d: d.event_id),
    "webhook": ("webhooks", WebhookData, lambda d: d.endpoint),
    "contact-rule": ("contact_rules", ContactRuleData, lambda d: d.rule),
    "duty-terms": ("duty_terms", DutyTermsData, lambda d: d.area),
}
TABLE_OF: dict[str, str] = {kind: table for kind, (table, _, _) in _KINDS.items()}
DATA_OF: dict[str, type[Any]] = {kind: data for kind, (_, data, _) in _KINDS.items()}
KEY_OF: dict[str, Callable[[Any], str]] = {kind: key for kind, (_, _, key) in _KINDS.items()}
