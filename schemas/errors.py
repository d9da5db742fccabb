"""The error tree. Nothing else is raised on purpose, and nothing broader is caught.

    ArrivalsError
    ├── Rejected        the record is wrong            -> dead letter, or 4xx with the field at the gateway
    ├── Unavailable     a server is away or too slow   -> retry; 503 with Retry-After towards a device
    ├── Refused         the caller may not, or the thing does not exist for them -> 401, 403, 404, 409, 413, 429
    └── Misconfigured   the operator must act          -> the part stops at start with one clear line

Messages name fields, codes and coordinates. They never hold a value a person wrote.
"""

from __future__ import annotations

from dataclasses import dataclass


class ArrivalsError(Exception):
    """Root of the tree: `code` is stable and machine-readable, `advice` tells what to do."""

    def __init__(self, code: str, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing wrong with one field: `field` is a path such as `person.phone`, `code` a word of `REASONS`."""

    field: str
    code: str
    message: str
    message_zh: str


class Rejected(ArrivalsError):
    """The record itself is wrong; sending it again unchanged cannot help."""

    def __init__(self, code: str, message: str, reasons: tuple[Reason, ...] = ()) -> None:
        super().__init__(code, message, "Correct the named fields and send it again.")
        self.reasons = reasons


class Unavailable(ArrivalsError):
    """A server did not confirm in time. The outcome is unknown; repeating with the same identity is safe."""

    def __init__(self, code: str, message: str, retry_after_seconds: int = 5) -> None:
        super().__init__(code, message, f"Try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class Refused(ArrivalsError):
    """The caller may not do this, or it does not exist for them; `status` is the HTTP status."""

    def __init__(self, code: str, message: str, status: int, advice: str = "") -> None:
        super().__init__(code, message, advice)
        self.status = status


class Misconfigured(ArrivalsError):
    """The operator has to change something before this part can run."""
