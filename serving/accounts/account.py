"""An account: who may log in by name and password, as what, for where. Pure.

An account acts under `account:<login>`. Logins are never given anew, so the name in a record means one account for ever; no
access code may act under such a name (`serving.authentication`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from reference.snapshot import Snapshot
from schemas.base import Strict, Text40
from schemas.errors import Reason, Rejected
from schemas.reference_rows import Role
from serving.access import EVERYTHING, HEALTH
from serving.names import unit_exists

ACTOR = "account:"
#: Small letters and digits: nobody has to switch the keyboard of a phone, and no two logins look alike but for their case.
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}", re.ASCII)
_COUNTY_DIGITS = 6

Login = Annotated[str, Field(pattern=f"^{_LOGIN.pattern}$")]
#: Devices do not log in.
AccountRole = Literal["unit", "county", "health_desk", "analyst", "administrator"]


class Rights(Strict):
    """What an account may do and for where, and how its holder is called on the page."""

    display_name: Text40
    role: AccountRole
    scope: Annotated[str, Field(pattern=r"^(\*|[0-9]{4,12}(-[A-Za-z0-9]{1,24})?)$")]


class NewAccount(Rights):
    """An account to be made."""

    login: Login


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it is kept. `version` counts its changes, each of which ends its sessions."""

    login: str
    display_name: str
    role: Role
    scope: str
    password_hash: str = field(repr=False)
    active: bool
    must_change: bool
    version: int
    created_at: str
    created_by: str
    changed_at: str
    changed_by: str

    @property
    def actor(self) -> str:
        """The name it acts under."""
        return ACTOR + self.login


def read_login(typed: str) -> str | None:
    """The login somebody typed, spaces and capitals forgiven; None for what can be none."""
    plain = typed.strip().lower()
    return plain if _LOGIN.fullmatch(plain) else None


def check_scope(rights: Rights, snapshot: Callable[[], Snapshot], now: datetime) -> None:
    """Raises Rejected unless the role goes with the scope and the place exists and stands.

    `snapshot` is asked only where a place is named: the first administrator can be made before there is anything else.
    """
    if not (_for_everything(rights) if rights.scope == EVERYTHING else _fits(rights, snapshot(), now)):
        reason = Reason("scope", "scope_unfit", f"there is no such place for the role {rights.role}", "没有与该角色相符的范围")
        raise Rejected("account_invalid", "The scope does not go with the role, or the place does not exist.", (reason,))


def _for_everything(rights: Rights) -> bool:
    return rights.role in ("administrator", "analyst", "health_desk")


def _fits(rights: Rights, snapshot: Snapshot, now: datetime) -> bool:
    scope = rights.scope
    if scope.endswith(HEALTH) or not unit_exists(snapshot, scope) or snapshot.standing(scope, now) != scope:
        return False
    in_county = scope.isdigit() and len(scope) == _COUNTY_DIGITS
    return rights.role == "unit" or (in_county and rights.role != "administrator")
