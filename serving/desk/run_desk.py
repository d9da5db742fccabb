"""`arrivals desk`: takes arrivals in as duties, lets deadlines pass, and publishes what happened, until told to stop.

Guarantee: nothing is kept in this process. As many as wanted may run: the group shares the partitions, a duty's deadline passes
once, and what is published twice is known by arrival and version.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from threading import Event, current_thread, main_thread

from kafka.errors import KafkaError

from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.health import HealthServer
from arrivals.runtime.kafka_batches import BatchPublisher
from arrivals.runtime.kafka_clients import UNHURRIED, make_consumer, make_producer
from arrivals.runtime.kafka_reading import read_lean
from arrivals.runtime.logs import configure_logs
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.reference_feed import ReferenceFeed
from arrivals.runtime.settings import Settings
from reference.gazetteer import load_gazetteer
from schemas.base import LOCAL
from schemas.errors import Unavailable
from serving.desk.intake import Intake, undisturbed
from serving.desk.outbox import publish_some, waiting
from serving.desk.schema import check_desk
from serving.desk.store import MOST_TICKS, DeskStore
from serving.duties.situation import Situation, situation

_TICK_SECONDS = 1.0
_STUCK_SECONDS = 60.0


class DeskLoop:
    """The loop of the part: intake, outbox, clock, one after the other in one thread."""

    def __init__(self, intake: Intake, publish: Callable[[], int], tick: Callable[[], int], metrics: Metrics) -> None:
        self._intake = intake
        self._publish = publish
        self._tick = tick
        self._changes = metrics.counter("arrivals_desk_changes_total")
        self._moved = metrics.gauge("arrivals_desk_progress_timestamp_seconds")
        self._ticked_at = 0.0
        self.looked_at = time.monotonic()
        self.trouble: str | None = None

    def run(self, stop: Event) -> None:
        """Works until `stop` is set; servers that are away are asked again."""
        while not stop.is_set():
            self.looked_at = time.monotonic()
            troubles = [_quietly(step)[1] for step in (self._intake.step, self._publish, self._pass_time)]
            self.trouble = next((trouble for trouble in troubles if trouble), None)
            if self.trouble is None:
                self._moved.set_to_current_time()
            else:
                stop.wait(0.5)

    def _pass_time(self) -> int:
        if time.monotonic() - self._ticked_at < _TICK_SECONDS:
            return 0
        changed = self._tick()
        self._changes.labels("time").inc(changed)
        if changed < MOST_TICKS:
            self._ticked_at = time.monotonic()
        return changed


def run_desk(settings: Settings, stop: Event | None = None) -> None:
    """Runs until SIGTERM or SIGINT, or until `stop` is set. Raises Misconfigured or Unavailable when it cannot start."""
    log = configure_logs(settings, "desk")
    stop = stop or Event()
    if current_thread() is main_thread():
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
    with desk_part(settings) as desk:
        log.info("desk started", metrics_port=settings.desk_metrics_port, group=settings.desk_group)
        desk.run(stop)
    log.info("desk stopped")


@contextmanager
def desk_part(settings: Settings) -> Iterator[DeskLoop]:
    """A desk with everything it needs, answering for its health; all is closed at the end."""
    metrics, feed, engine = Metrics(), ReferenceFeed(settings, load_gazetteer()), make_engine(settings)
    store = DeskStore(engine)

    def now() -> Situation:
        return situation(feed.current, datetime.now(LOCAL))

    with ExitStack() as undo:
        undo.callback(engine.dispose)
        check_desk(engine)
        undo.callback(feed.stop)
        feed.start()
        try:
            publisher = BatchPublisher(make_producer(settings))
            undo.callback(publisher.close)
            tuning = {"metadata_max_age_ms": 5_000, **UNHURRIED}
            consumer = read_lean(make_consumer(settings, settings.topic("arrivals"), group=settings.desk_group, **tuning))
        except KafkaError as error:
            raise Unavailable("kafka_unreachable", f"Kafka at {settings.kafka_bootstrap} cannot be reached.") from error
        intake = Intake(consumer, store, now, metrics)
        undo.callback(intake.close)
        desk = DeskLoop(intake, lambda: publish_some(engine, publisher, settings.topic), lambda: store.tick(now()), metrics)
        outbox = metrics.gauge("arrivals_desk_outbox_records")
        metrics.refresh(lambda: outbox.set(undisturbed(lambda: waiting(engine))[0]))
        health = _health(settings, metrics, desk, feed, intake)
        undo.callback(health.stop)
        health.start()
        yield desk


def _health(settings: Settings, metrics: Metrics, desk: DeskLoop, feed: ReferenceFeed, intake: Intake) -> HealthServer:
    checks = {
        "arrivals": lambda: None if intake.positioned() else "no partition is being read yet",
        "reference": lambda: None if feed.ready() else "the reference topic was not read to its end, or reading failed",
        "desk": lambda: desk.trouble,
    }

    def alive() -> bool:
        return time.monotonic() - desk.looked_at < _STUCK_SECONDS

    return HealthServer(settings.metrics_host, settings.desk_metrics_port, metrics, checks, alive)


def _quietly(step: Callable[[], int]) -> tuple[int, str | None]:
    try:
        return undisturbed(step)
    except KafkaError as error:
        return 0, f"Kafka does not answer ({type(error).__name__})."
