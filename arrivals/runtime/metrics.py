"""The catalogue of metrics: every name, type, label and meaning, once. Parts look their metrics up here; dashboards, alert rules
and `docs/reference/metrics.md` are compared with it. Labels are bounded and never carry a person, a device or a free text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST
_LATENCY = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
_ROWS = (1, 10, 50, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `arrivals_<what>_<unit>[_total]`, where it is kept, its labels and its meaning."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    part: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: Sequence[float] = _LATENCY


CATALOGUE: tuple[Metric, ...] = (
    Metric("arrivals_gateway_scans_total", "counter", "gateway", "Scans answered, by result.", ("result",)),
    Metric("arrivals_gateway_checkins_total", "counter", "gateway", "Health check-ins answered, by result.", ("result",)),
    Metric(
        "arrivals_gateway_rejections_total",
        "counter",
        "gateway",
        "Scans and check-ins refused, by reason code.",
        ("reason",),
    ),
    Metric(
        "arrivals_gateway_refused_total",
        "counter",
        "gateway",
        "Requests refused before they were looked into, by reason code.",
        ("reason",),
    ),
    Metric(
        "arrivals_gateway_quality_flags_total",
        "counter",
        "gateway",
        "Accepted scans and check-ins flagged, by flag.",
        ("flag",),
    ),
    Metric(
        "arrivals_gateway_request_seconds",
        "histogram",
        "gateway",
        "Time from request to answer.",
        ("status",),
    ),
    Metric(
        "arrivals_gateway_confirm_seconds",
        "histogram",
        "gateway",
        "Time Kafka took to confirm a request.",
    ),
    Metric("arrivals_router_scans_total", "counter", "router", "Scans decided, by outcome.", ("outcome",)),
    Metric("arrivals_router_findings_total", "counter", "router", "Rules that spoke, by rule.", ("rule",)),
    Metric(
        "arrivals_router_locations_total",
        "counter",
        "router",
        "Destinations located, by status.",
        ("status",),
    ),
    Metric("arrivals_router_batch_seconds", "histogram", "router", "Time to decide one batch."),
    Metric("arrivals_router_batch_records", "histogram", "router", "Records in one batch.", buckets=_ROWS),
    Metric("arrivals_router_lag_records", "gauge", "router", "Scans waiting, by partition.", ("partition",)),
    Metric("arrivals_router_progress_timestamp_seconds", "gauge", "router", "When a batch was last acknowledged."),
    Metric(
        "arrivals_reflag_arrivals_total",
        "counter",
        "reflag",
        "Arrivals decided again, by outcome: changed, unchanged, unopened (the key of their day is destroyed).",
        ("outcome",),
    ),
    Metric(
        "arrivals_reflag_remaining_arrivals", "gauge", "reflag", "Arrivals the present row reaches and that are still waiting."
    ),
    Metric("arrivals_reflag_late_total", "counter", "reflag", "Arrivals mended that were decided without a row known already."),
    Metric("arrivals_reflag_pass_uses_total", "counter", "reflag", "Uses of passes written down."),
    Metric("arrivals_reference_version", "gauge", "all", "Offset of the last reference row in use."),
    Metric("arrivals_sink_rows_total", "counter", "sink", "Rows inserted, by topic.", ("topic",)),
    Metric(
        "arrivals_sink_inserts_deduplicated_total",
        "counter",
        "sink",
        "Ranges repeated after an unknown outcome.",
        ("topic",),
    ),
    Metric(
        "arrivals_sink_dead_letters_total",
        "counter",
        "sink",
        "Records refused by the sink, by reason.",
        ("reason",),
    ),
    Metric("arrivals_sink_insert_seconds", "histogram", "sink", "Time of one insert.", ("topic",)),
    Metric("arrivals_sink_lag_records", "gauge", "sink", "Records waiting, by topic.", ("topic",)),
    Metric("arrivals_sink_freshness_seconds", "gauge", "sink", "Age of the newest stored arrival at its insert."),
    Metric("arrivals_desk_changes_total", "counter", "desk", "Duties changed by arrivals and by time.", ("cause",)),
    Metric("arrivals_desk_outbox_records", "gauge", "desk", "Records that wait in the outbox."),
    Metric("arrivals_desk_unreadable_records_total", "counter", "desk", "Arrivals that could not be read."),
    Metric("arrivals_desk_progress_timestamp_seconds", "gauge", "desk", "When the desk last went round without trouble."),
    Metric(
        "arrivals_api_request_seconds",
        "histogram",
        "api",
        "Time from request to answer.",
        ("route", "status"),
    ),
    Metric("arrivals_api_streams", "gauge", "api", "Open event streams."),
    Metric("arrivals_api_stream_events_total", "counter", "api", "Events written to streams."),
    Metric(
        "arrivals_api_streams_dropped_total",
        "counter",
        "api",
        "Streams closed because the reader was too slow.",
    ),
    Metric(
        "arrivals_api_unreadable_records_total",
        "counter",
        "api",
        "Records of the topic that the live tail could not read.",
    ),
    Metric("arrivals_notify_posts_total", "counter", "notify", "Attempts to post a webhook, by outcome.", ("outcome",)),
    Metric("arrivals_notify_post_seconds", "histogram", "notify", "Time of one attempt."),
    Metric("arrivals_notify_waiting_messages", "gauge", "notify", "Messages that wait for a receiver."),
    Metric("arrivals_notify_oldest_seconds", "gauge", "notify", "Age of the oldest message that waits."),
    Metric("arrivals_notify_disabled_total", "counter", "notify", "Endpoints disabled by themselves, by reason.", ("reason",)),
    Metric("arrivals_notify_gaps_total", "counter", "notify", "Partitions whose unread records Kafka no longer had."),
)
BY_NAME = {metric.name: metric for metric in CATALOGUE}


class Metrics:
    """The metrics of one process, made from the catalogue on first use. Pass one instance around; nothing is global."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._made: dict[str, Counter | Gauge | Histogram] = {}
        self._refreshing: list[Callable[[], None]] = []

    def refresh(self, measure: Callable[[], None]) -> None:
        """Calls `measure` before every exposition: for gauges that nobody else would bring up to date while all stands still."""
        self._refreshing.append(measure)

    def counter(self, name: str) -> Counter:
        """The counter of that name in the catalogue."""
        made = self._get(name)
        if isinstance(made, Counter):
            return made
        raise TypeError(f"{name} is no counter in the catalogue")

    def gauge(self, name: str) -> Gauge:
        """The gauge of that name in the catalogue."""
        made = self._get(name)
        if isinstance(made, Gauge):
            return made
        raise TypeError(f"{name} is no gauge in the catalogue")

    def histogram(self, name: str) -> Histogram:
        """The histogram of that name in the catalogue."""
        made = self._get(name)
        if isinstance(made, Histogram):
            return made
        raise TypeError(f"{name} is no histogram in the catalogue")

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        for measure in self._refreshing:
            measure()
        return generate_latest(self.registry)

    def _get(self, name: str) -> Counter | Gauge | Histogram:
        if name not in self._made:
            metric = BY_NAME[name]
            if metric.type == "counter":
                self._made[name] = Counter(name, metric.help, metric.labels, registry=self.registry)
            elif metric.type == "gauge":
                self._made[name] = Gauge(name, metric.help, metric.labels, registry=self.registry)
            else:
                self._made[name] = Histogram(name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets)
        return self._made[name]
