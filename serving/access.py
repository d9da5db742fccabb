"""Who may see what: one answer in SQL for the database and the same answer in code for the live stream. Pure.

Unknown belongs to nobody but the named desk: an arrival without a unit lies at a county's desk or the city's, and is
seen there only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import Refused
from schemas.reference_rows import CredentialData, Role
from schemas.visibility import CITY, HEALTH, units_seeing

__all__ = ["CITY", "HEALTH", "units_seeing"]

EVERYTHING = "*"
_COUNTY, _TOWNSHIP, _VILLAGE = 6, 9, 12
#: What makes an arrival the health desk's business: high risk (a fever is one), or a symptom.
_ALARMING = "(risk = 'high' OR notEmpty(symptoms))"
#: Roles that may ask the named queries; everybody else is refused there.
ANALYSING: frozenset[Role] = frozenset({"analyst", "county", "administrator"})
#: Roles that may ask for the contacts of an arrival they see; for everybody else there are none.
TRACING: frozenset[Role] = frozenset({"county", "health_desk", "administrator"})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: role, subject and scope of an access code or an account. `digest` finds the right again, to notice its end."""

    role: Role
    subject: str
    scope: str
    digest: str


@dataclass(frozen=True, slots=True)
class Restriction:
    """A condition over the columns of `v_arrivals` with its bound values; never empty, `1` means everything."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)


NOTHING = Restriction("0")
EVERYONE = Restriction("1")


def principal(credential: CredentialData, digest: str) -> Principal:
    """The principal of a credential."""
    return Principal(credential.role, credential.subject, credential.scope, digest)


def may_view(who: Principal, unit: str) -> bool:
    """Whether a credential may see the list of a unit. Says nothing about whether the unit exists."""
    if who.role == "administrator":
        return who.scope == EVERYTHING
    if who.role == "health_desk":
        return unit.endswith(HEALTH) and who.scope in (EVERYTHING, unit.removesuffix(HEALTH))
    if unit.endswith(HEALTH):
        return False
    if who.role == "county":
        return len(who.scope) == _COUNTY and unit.startswith(who.scope)
    if who.role == "unit":
        below = who.scope.isdigit() and len(who.scope) in (_TOWNSHIP, _VILLAGE)
        return unit == who.scope or (below and unit.startswith(who.scope))
    return False


def home_unit(who: Principal) -> str | None:
    """The unit whose page a credential lands on; None for those who land on the command view."""
    if who.role == "health_desk":
        return (CITY if who.scope == EVERYTHING else who.scope) + HEALTH
    return who.scope if who.role == "unit" else None


def unit_restriction(unit: str) -> Restriction:
    """The arrivals on a unit's list. Must say the same as `units_seeing`: a property test compares them."""
    if unit.endswith(HEALTH):
        area = unit.removesuffix(HEALTH)
        if area == CITY:
            return Restriction(_ALARMING)
        return Restriction(f"(county_code = %(unit)s OR site_county = %(unit)s) AND {_ALARMING}", {"unit": area})
    if not unit.isdigit():
        return Restriction("unit = %(unit)s", {"unit": unit})
    if len(unit) <= _COUNTY:
        return Restriction("county_code = %(unit)s", {"unit": unit})
    county = {"unit": unit, "unit_county": unit[:_COUNTY]}
    return Restriction("county_code = %(unit_county)s AND startsWith(unit, %(unit)s)", county)


def arrival_restriction(who: Principal, former: Sequence[str] = ()) -> Restriction:
    """The arrivals a credential may look at one by one: those on the lists `may_view` opens to it; none for all other roles.

    `former` are units that ended and for which its own answers now: what lay on their lists is its business.
    """
    if who.role == "administrator":
        return EVERYONE if who.scope == EVERYTHING else NOTHING
    if who.role == "health_desk":
        return unit_restriction((CITY if who.scope == EVERYTHING else who.scope) + HEALTH)
    if who.role in ("county", "unit") and may_view(who, who.scope):
        own = unit_restriction(who.scope)
        if not former:
            return own
        inherited = "arrayExists(code -> startsWith(unit, code), %(former)s)"
        return Restriction(f"{own.sql} OR {inherited}", {**own.values, "former": list(former)})
    return NOTHING


def tracing_restriction(who: Principal) -> Restriction:
    """The arrivals whose contacts a credential may ask for."""
    return arrival_restriction(who) if who.role in TRACING else NOTHING


def query_restriction(who: Principal) -> Restriction:
    """The rows a credential may count in the named queries. Raises Refused (403) for roles that may not ask them."""
    if who.role not in ANALYSING:
        raise Refused("role_not_allowed", "This access code may not ask the analysts' queries.", 403)
    if who.scope == EVERYTHING:
        return Restriction("1")
    if len(who.scope) == _COUNTY and who.scope.isdigit():
        return Restriction("county_code = %(scope_county)s", {"scope_county": who.scope})
    return NOTHING


def county_of(who: Principal) -> str | None:
    """The county a credential is confined to; None when it may see the whole city."""
    return None if who.scope == EVERYTHING else who.scope[:_COUNTY]
