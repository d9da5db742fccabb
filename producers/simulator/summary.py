"""What a played day came to: counts of answers, by status, reason and kind of scan, and what was not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from producers.client import ScanAnswer
from producers.simulator.posts import PlannedScan

UNCONFIRMED = "unconfirmed"
#: What the gateway must answer to each kind of scan. A second run of the same day gets `duplicate` for the good ones.
_EXPECTED = {
    "live": {"accepted", "duplicate"},
    "late": {"accepted", "duplicate"},
    "repeat": {"duplicate"},
    "conflict": {"rejected"},
    "bad": {"rejected"},
}


@dataclass(slots=True)
class Summary:
    """Counts over one run; `posts` are answered requests, everything else counts scans."""

    posts: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    unconfirmed: int = 0
    rejected_by_reason: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, Counter[str]] = field(default_factory=dict)
    http_errors: Counter[str] = field(default_factory=Counter)
    behind_seconds: float = 0.0
    elapsed_seconds: float = 0.0

    @property
    def scans(self) -> int:
        """All scans that were answered or given up."""
        return self.accepted + self.duplicates + self.rejected + self.unconfirmed

    @property
    def retries(self) -> int:
        """How many attempts were repeated or given up."""
        return self.http_errors.total()

    def count(self, scan: PlannedScan, answer: ScanAnswer | None) -> str:
        """Counts one answer (None: there was none) and returns its status."""
        status: str = UNCONFIRMED if answer is None else answer.status
        if status == "duplicate":
            self.duplicates += 1
        else:
            setattr(self, status, getattr(self, status) + 1)
        self.by_kind.setdefault(scan.kind, Counter())[status] += 1
        if answer is not None and status == "rejected":
            self.rejected_by_reason[answer.reasons[0].code if answer.reasons else "unnamed"] += 1
        return status

    def unexpected(self) -> dict[str, int]:
        """`kind: status` -> scans, where the answer is not what that kind must get; empty when all is well."""
        return {
            f"{kind}: {status}": scans
            for kind, statuses in sorted(self.by_kind.items())
            for status, scans in _unexpected(kind, statuses.items())
        }

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "posts": self.posts,
            "scans": self.scans,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "unconfirmed": self.unconfirmed,
            "retries": self.retries,
            "rejected_by_reason": dict(self.rejected_by_reason.most_common()),
            "by_kind": {kind: dict(statuses) for kind, statuses in sorted(self.by_kind.items())},
            "http_errors": dict(self.http_errors),
            "unexpected": self.unexpected(),
            "behind_seconds": round(self.behind_seconds, 3),
            "elapsed_seconds": round(self.elapsed_seconds, 3),
            "scans_per_second": round(self.scans / self.elapsed_seconds, 1) if self.elapsed_seconds else 0.0,
        }


def _unexpected(kind: str, statuses: Iterable[tuple[str, int]]) -> Iterable[tuple[str, int]]:
    expected = _EXPECTED[kind.partition(":")[0]]
    return ((status, scans) for status, scans in statuses if status not in expected)
