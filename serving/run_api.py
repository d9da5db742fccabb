"""`arrivals api`: builds the services and serves them on Granian until told to stop.

Guarantee: writes nothing but accounts and sessions, what people do at the desk, each act in one transaction, and corrections,
which are rows of the reference. On SIGTERM or SIGINT open streams get a farewell, running requests are answered, then the process
ends.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from arrivals.runtime.desk_engine import make_engine
from arrivals.runtime.keys import KeyStore
from arrivals.runtime.logs import configure_logs
from arrivals.runtime.metrics import Metrics
from arrivals.runtime.oidc_client import open_oidc
from arrivals.runtime.reference_feed import ReferenceFeed
from arrivals.runtime.reference_writer import append
from arrivals.runtime.settings import Settings
from reference.gazetteer import load_gazetteer
from reference.snapshot import Snapshot
from schemas.base import LOCAL
from serving.accounts.administration import Administration
from serving.accounts.entrance import Entrance
from serving.accounts.session_store import SessionStore
from serving.accounts.store import AccountStore
from serving.api import create_app
from serving.board import Board
from serving.database import Database
from serving.desk.desk import Desk, note_seal
from serving.desk.revealing import Revealing
from serving.desk.store import DeskStore
from serving.duty_tail import CHANGED, DutyTail
from serving.hub import Hub
from serving.live import REMEMBERED, ArrivalTail
from serving.login_codes import LoginCodes
from serving.overview_feed import OverviewFeed
from serving.services import Services
from serving.sessions import Sessions
from serving.stream import Ring
from serving.unit_stream import UnitStreams

#: What readers get to take their farewell before connections are cut.
_FAREWELL_SECONDS = 1.0


def run_api(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT. Raises Misconfigured or Unavailable when it cannot start."""
    configure_logs(settings, "api")
    uvloop.run(_serve(settings))


def build_services(settings: Settings, feed: ReferenceFeed, database: Database, metrics: Metrics) -> Services:
    """The services over a followed reference and a database; must be called in the event loop that will serve them."""

    def snapshot() -> Snapshot:
        return feed.current

    def now() -> datetime:
        return datetime.now(LOCAL)

    hub = Hub(metrics)
    keys = KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=settings.mode == "embedded")
    store = DeskStore(make_engine(settings), note_seal(keys))
    entrance = Entrance(AccountStore(store.engine), now)
    return Services(
        snapshot=snapshot,
        now=now,
        database=database,
        hub=hub,
        streams=UnitStreams(hub, database, snapshot),
        board=Board(OverviewFeed(database, snapshot), hub, snapshot, now),
        sessions=Sessions(SessionStore(store.engine), now),
        entrance=entrance,
        administration=Administration(entrance.store, entrance.passwords, snapshot, now),
        login_codes=LoginCodes(login_folder(settings)),
        oidc=open_oidc(settings),
        metrics=metrics,
        append=partial(append, settings),
        secure=settings.mode == "production",
        desk=Desk(store, snapshot, now),
        revealing=Revealing(store, database, keys),
        checks={},
    )


def login_folder(settings: Settings) -> Path:
    """Where one-time login codes lie; `arrivals up` and the demo issue them there."""
    return settings.data_dir / "run" / "login"


async def _serve(settings: Settings) -> None:
    metrics = Metrics()
    feed, database = ReferenceFeed(settings, load_gazetteer()), Database(settings)
    services = build_services(settings, feed, database, metrics)
    tail, duties = _tail(settings, services), _duty_tail(settings, services)
    services = replace(services, checks=_checks(feed, services, tail))
    try:
        await asyncio.to_thread(feed.start)
        tail.start()
        duties.start()
        await _listen(settings, services)
    finally:
        # Not in the loop: the tail may just be waiting for it.
        await asyncio.gather(*(asyncio.to_thread(stop) for stop in (tail.stop, duties.stop, feed.stop, services.close)))


def _tail(settings: Settings, services: Services) -> ArrivalTail:
    loop, hub = asyncio.get_running_loop(), services.hub
    return ArrivalTail(
        settings,
        services.snapshot,
        lambda position: loop.call_soon_threadsafe(hub.begin, Ring(REMEMBERED, position)),
        lambda batch: asyncio.run_coroutine_threadsafe(hub.publish(batch), loop).result(),
        services.metrics,
    )


def _duty_tail(settings: Settings, services: Services) -> DutyTail:
    loop, hub = asyncio.get_running_loop(), services.hub

    def tell(units: Iterable[str]) -> None:
        for unit in units:
            hub.tell(unit, CHANGED)

    return DutyTail(settings, hub.watched, lambda units: loop.call_soon_threadsafe(tell, units))


def _checks(feed: ReferenceFeed, services: Services, tail: ArrivalTail) -> dict[str, Callable[[], str | None]]:
    return {
        "reference": lambda: None if feed.ready() else "the reference topic was not read to its end, or reading failed",
        "kafka": tail.problem,
        "clickhouse": services.database.problem,
        "desk": services.desk.problem,
    }


async def _listen(settings: Settings, services: Services) -> None:
    server = Server(
        create_app(services),
        address=settings.api_host,
        port=settings.api_port,
        interface=Interfaces.ASGI,
        http=HTTPModes.auto,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        websockets=False,
        backlog=2_048,
        backpressure=8_192,
        log_access=False,
    )
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.ensure_future(server.serve())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        services.hub.close()
        await asyncio.sleep(_FAREWELL_SECONDS)
        server.stop()  # type: ignore[no-untyped-call]
    stopping.cancel()
    await serving
