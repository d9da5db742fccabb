"""The sample day from start to summary: seed the reference, play the day through the gateway, wait until all is
stored, reconcile.

The summary is what a newcomer reads first: posts, arrivals per county, alerts per rule, dead letters per reason, and the audit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from arrivals.runtime.clickhouse_client import clickhouse_errors, connect
from arrivals.runtime.settings import Settings
from schemas.errors import Unavailable
from sinks.audit import AuditReport, audit


@dataclass(frozen=True, slots=True)
class DaySummary:
    """What the day left behind, by name: counts from ClickHouse, the simulator's own counts, and the reconciliation."""

    posts: dict[str, Any]
    arrivals_by_county: dict[str, int]
    arrivals_by_risk: dict[str, int]
    alerts_by_rule: dict[str, int]
    dead_letters_by_reason: dict[str, int]
    checkins_by_enterprise: dict[str, int]
    audit: AuditReport
    first_arrival_seconds: float | None = None

    @property
    def exact(self) -> bool:
        """Whether nothing is missing and nothing too much."""
        return not (self.audit.missing or self.audit.extra)

    def tables(self) -> dict[str, dict[str, Any]]:
        """The parts of the summary by title, for printing."""
        return {
            "Posted by the simulator": {n: v for n, v in self.posts.items() if not isinstance(v, dict)},
            "Refused by the gateway": self.posts.get("rejected_by_reason", {}),
            "Answers nobody expected": self.posts.get("unexpected", {}),
            "Arrivals by county": self.arrivals_by_county,
            "Arrivals by risk": self.arrivals_by_risk,
            "Alerts by rule": self.alerts_by_rule,
            "Dead letters by reason": self.dead_letters_by_reason,
            "Check-ins by enterprise": self.checkins_by_enterprise,
            "Audit": {name: value for name, value in asdict(self.audit).items() if not isinstance(value, tuple)},
        }

    def as_dict(self) -> dict[str, Any]:
        """The summary for `--json`."""
        return asdict(self)


def first_arrival_seconds(settings: Settings, patience_seconds: float = 120.0) -> bool:
    """Waits until an arrival can be queried; False when none came in time."""
    deadline = time.monotonic() + patience_seconds
    with clickhouse_errors():
        client = connect(settings)
        try:
            while time.monotonic() < deadline:
                if client.execute("SELECT count() FROM v_arrivals")[0][0]:
                    return True
                time.sleep(0.2)
        finally:
            client.disconnect()
    return False


def wait_until_settled(settings: Settings, patience_seconds: float, tell: Callable[[str], None]) -> AuditReport:
    """Reconciles until nothing is missing, waiting for servers that are coming back; raises Unavailable after the patience."""
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            report = audit(settings)
            if report.missing == 0:
                return report
            waiting = f"{report.missing} accepted scans are not stored yet"
        except Unavailable as error:
            waiting = error.message
        if time.monotonic() > deadline:
            raise Unavailable("not_settled", f"{waiting}.")
        tell(waiting)
        time.sleep(1)


_COUNTS = {
    "arrivals_by_county": "SELECT county_code, count() FROM v_arrivals GROUP BY 1 ORDER BY 2 DESC",
    "arrivals_by_risk": "SELECT risk, count() FROM v_arrivals GROUP BY 1 ORDER BY 2 DESC",
    "alerts_by_rule": "SELECT rule, count() FROM v_alerts GROUP BY 1 ORDER BY 2 DESC",
    "dead_letters_by_reason": "SELECT reason, count() FROM v_dead_letters GROUP BY 1 ORDER BY 2 DESC",
    "checkins_by_enterprise": "SELECT enterprise_name, count() FROM v_checkins GROUP BY 1 ORDER BY 1",
}


def count_day(settings: Settings, names: Callable[[str], str]) -> dict[str, dict[str, int]]:
    """The counts of the summary; `names` turns a county code into its name."""
    with clickhouse_errors():
        client = connect(settings)
        try:
            counts = {title: dict(client.execute(sql)) for title, sql in _COUNTS.items()}
        finally:
            client.disconnect()
    counts["arrivals_by_county"] = {f"{names(c)} {c}": n for c, n in counts["arrivals_by_county"].items()}
    return counts
