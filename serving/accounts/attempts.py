"""Makes guessing slow: attempts to log in are counted in the desk's database, so every process of the API counts the same.

Counted before the password is looked at: of a hundred guesses sent at once no more get through than of a hundred sent one by one.
Five of one address at one login in five minutes, twenty at one login from anywhere: a forgotten password costs a clerk five
minutes, and one guesser costs nobody else anything. NIST SP 800-63B asks for a limit and leaves the numbers open (a hundred in a
row at most).
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, text

from arrivals.runtime.desk_engine import writing
from schemas.errors import Refused
from serving.desk.tables import LOGIN_ATTEMPTS, milliseconds

WINDOW = timedelta(minutes=5)
MOST_OF_ADDRESS, MOST_AT_LOGIN = 5, 20
#: One statement that both databases know: begin a window, or count in the one that runs.
_COUNT = text(
    "INSERT INTO login_attempts (key, began_ms, attempts) VALUES (:key, :now, 1) ON CONFLICT (key) DO UPDATE SET "
    "attempts = CASE WHEN login_attempts.began_ms <= :past THEN 1 ELSE login_attempts.attempts + 1 END, "
    "began_ms = CASE WHEN login_attempts.began_ms <= :past THEN :now ELSE login_attempts.began_ms END "
    "RETURNING began_ms, attempts"
)


class TooManyAttempts(Refused):
    """Somebody has to wait before he may try again."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("login_many", "Too many attempts.", 429, f"Try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class Attempts:
    """Counts attempts. Blocking. Neither logins nor addresses are kept, only digests of both."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, login: str, address: str, now: datetime) -> None:
        """Counts an attempt. Raises TooManyAttempts (429), Unavailable.

        What an address has too many of does not count at the login, or one guesser would lock its holder out.
        """
        for key, most in zip(_keys(login, address), (MOST_OF_ADDRESS, MOST_AT_LOGIN), strict=True):
            bound = {"key": key, "now": milliseconds(now), "past": milliseconds(now - WINDOW)}
            with writing(self._engine) as connection:
                began, attempts = connection.execute(_COUNT, bound).one()
            if attempts > most:
                raise TooManyAttempts(max(1, -(-(began - bound["past"]) // 1000)))

    def forgive(self, login: str, address: str, now: datetime) -> None:
        """Forgets the attempts of somebody who knew the password, and all whose time has passed. Raises Unavailable."""
        passed = LOGIN_ATTEMPTS.c.began_ms <= milliseconds(now - WINDOW)
        with writing(self._engine) as connection:
            connection.execute(delete(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.key.in_(_keys(login, address)) | passed))


def _keys(login: str, address: str) -> tuple[str, str]:
    return tuple(hashlib.sha256(repr(parts).encode()).hexdigest() for parts in ((login, address), (login,)))  # type: ignore[return-value]
