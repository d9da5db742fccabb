"""When a message is tried again, and when an endpoint is given up. Pure."""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds after the first attempt, the second, …: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h (Svix's schedule). Then it has failed.
DELAYS = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
#: How long an endpoint that fails is left alone by its other messages, at most.
LONGEST_PAUSE = 1_800
#: The longest a receiver may ask to be left alone.
LONGEST_RETRY_AFTER = 86_400
#: An endpoint that has only failed for so long is disabled.
GIVEN_UP_SECONDS = 5 * 86_400
_GONE, _TOO_MANY, _AWAY = 410, 429, 503


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an attempt; `outcome` is a word for metrics. Times are seconds from now."""

    state: str
    outcome: str
    due_in: float = 0.0
    hold: float = 0.0
    disabled: str | None = None


def verdict(status: int | None, retry_after: float | None, attempts: int, failing_for: float) -> Verdict:
    """What follows from the answer to attempt number `attempts` of a message, the endpoint having failed for `failing_for` s."""
    if status is not None and 200 <= status < 300:  # noqa: PLR2004
        return Verdict("delivered", "delivered")
    if status == _GONE:
        return Verdict("failed", "gone", disabled="gone")
    outcome = "throttled" if status == _TOO_MANY else "unreachable" if status is None else "refused"
    if failing_for >= GIVEN_UP_SECONDS:
        return Verdict("failed", outcome, disabled="failing")
    asked = min(retry_after or 0.0, LONGEST_RETRY_AFTER) if status in (_TOO_MANY, _AWAY) else 0.0
    if attempts > len(DELAYS):
        return Verdict("failed", outcome, hold=max(asked, LONGEST_PAUSE))
    wait = max(DELAYS[attempts - 1], asked)
    return Verdict("waiting", outcome, wait, max(asked, min(wait, LONGEST_PAUSE)))
