"""Passwords: what is refused as one, and how they are kept.

Kept as Argon2id with 19 MiB, two passes, one lane: the least that OWASP's Password Storage Cheat Sheet allows, because hundreds
of clerks log in within a few minutes of the morning. Normalised as NIST SP 800-63B asks (NFKC), so that a full-width digit of a
Chinese keyboard is the same digit. Nothing here is ever logged or put into an error.
"""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from schemas.errors import Reason, Rejected

LEAST, MOST = 10, 128
_LEAST_DIFFERENT = 4
#: Without letters and digits that look alike.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _GROUP = 4, 4


class Passwords:
    """Makes and checks hashes. Blocking, 50 ms of a core each; thread-safe."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        """The hash to keep."""
        return self._hasher.hash(_plain(password))

    def fits(self, password: str, kept: str | None) -> bool:
        """Whether it is the password; takes as long for an account that does not exist (None)."""
        try:
            self._hasher.verify(kept or self._nobody, _plain(password)[:MOST])
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than these."""
        return self._hasher.check_needs_rehash(kept)


def check_password(password: str, login: str) -> None:
    """Raises Rejected for what is too short or too long, among the common ones, or made of the login."""
    plain = _plain(password)
    folded = plain.casefold()
    if not LEAST <= len(plain) <= MOST:
        _reject("password_length", f"use {LEAST} to {MOST} characters", f"密码须为 {LEAST} 至 {MOST} 个字符")
    if folded in _common() or len(set(folded)) < _LEAST_DIFFERENT:
        _reject("password_common", "it is among the first that are tried; use another", "密码过于常见，请换一个")
    if login in folded or folded in login:
        _reject("password_login", "it must not hold the login name", "密码不能含有登录名")


def one_time_password() -> str:
    """A password to hand over once: 79 random bits in groups that are easy to read out."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def _plain(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


@cache
def _common() -> frozenset[str]:
    return frozenset((files("serving.accounts") / "common_passwords.txt").read_text("utf-8").split())


def _reject(code: str, message: str, message_zh: str) -> None:
    raise Rejected("password_unfit", "This password cannot be used.", (Reason("password", code, message, message_zh),))
