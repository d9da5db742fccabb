"""The work on posts in helper processes: the same outcome as here, and no harm when a helper is gone."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from arrivals.runtime.keys import KeyStore
from arrivals.runtime.settings import Settings
from producers import helpers as helpers_module
from producers.deriving import Derived, Posted, Unusable, Usable, derive_all
from producers.devices import Device
from producers.helpers import Deriving, Helpers
from producers.kinds import CHECKINS, SCANS, EventKind
from producers.sealer import Sealer
from schemas.base import LOCAL
from schemas.errors import Unavailable
from tests.checkins_kit import checkin
from tests.gateway_kit import SITE, scan

pytestmark = pytest.mark.anyio
NOW = datetime(2020, 2, 18, 8, 30, 5, tzinfo=LOCAL)
DAY = "2020-02-18"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(data_dir=tmp_path_factory.mktemp("helpers"))
    KeyStore.open(made.secret_path("keys.json", None), create=True)
    return made


@pytest.fixture(scope="module")
def keys(settings: Settings) -> KeyStore:
    return KeyStore.open(settings.secret_path("keys.json", None), create=False)


@pytest.fixture(scope="module")
def sealer(settings: Settings, keys: KeyStore) -> Sealer:
    return Sealer(keys, settings.topic, os.urandom)


@pytest.fixture(scope="module")
async def helpers(settings: Settings) -> AsyncIterator[Helpers]:
    made = Helpers(settings, 1)
    keeping = asyncio.ensure_future(made.keep())
    yield made
    keeping.cancel()
    await asyncio.wait((keeping,))


def posted(body: bytes) -> Posted:
    return Posted(body, "utf-8", Device("dev-1", SITE), NOW)


def readable(found: list[Derived], keys: KeyStore) -> object:
    """Outcomes with the seals opened: no two seals are alike."""
    return [
        (one.many, one.readable, [opened(o, keys) if isinstance(o, Usable) else (o.event_id, o.reasons) for o in one.outcomes])
        for one in found
    ]


def opened(outcome: Usable, keys: KeyStore) -> object:
    record = json.loads(outcome.record.value or b"")
    sealed = record.pop("sealed")
    texts = [keys.seal(DAY, what).open(sealed[what], outcome.event_id) for what in ("identity", "address") if sealed[what]]
    return outcome._replace(record=outcome.record._replace(value=b"")), record, texts


async def asked(helpers: Helpers, posts: list[Posted], kind: EventKind = SCANS) -> list[Derived]:
    """The helper's answer, as soon as there is a helper."""
    async with asyncio.timeout(60):
        while (found := await helpers.derive(posts, kind)) is None:  # noqa: ASYNC110 (nobody else needs to be told)
            await asyncio.sleep(0.05)
    return found


async def test_a_helper_finds_what_we_find(helpers: Helpers, sealer: Sealer, keys: KeyStore) -> None:
    bodies = [
        json.dumps([scan(), scan(temperature_c="36.5"), scan(), {"kind": "plane"}]).encode(),
        json.dumps(scan(origin={"code": "420100"})).encode(),
        b"[1,",
        b"[]",
    ]
    posts = [posted(body) for body in bodies]
    found = await asked(helpers, posts)
    keys.refresh()  # the helper has made the key of the day
    assert readable(found, keys) == readable(derive_all(posts, SCANS, sealer), keys)
    assert [type(outcome) for outcome in found[0].outcomes] == [Usable, Unusable, Usable, Unusable]


async def test_a_helper_tells_check_ins_from_scans(helpers: Helpers, sealer: Sealer, keys: KeyStore) -> None:
    posts = [posted(json.dumps([checkin(), scan()]).encode())]
    found = await asked(helpers, posts, CHECKINS)
    assert readable(found, keys) == readable(derive_all(posts, CHECKINS, sealer), keys)
    assert [type(outcome) for outcome in found[0].outcomes] == [Usable, Unusable]


async def test_only_large_work_is_sent_away_and_a_lost_helper_is_not_missed(
    helpers: Helpers, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here: list[int] = []

    def derive_here(posts: list[Posted], kind: EventKind, by: Sealer) -> list[Derived]:
        here.append(len(posts))
        return derive_all(posts, kind, by)

    monkeypatch.setattr(helpers_module, "derive_all", derive_here)
    deriving = Deriving(SCANS, sealer, helpers)
    large = [posted(json.dumps([scan() for _ in range(100)]).encode())]
    await asked(helpers, large)
    assert len((await deriving.derive(large))[0].outcomes) == 100
    assert here == []
    await deriving.derive([posted(json.dumps(scan()).encode())])
    assert here == [1]
    both = await asyncio.gather(deriving.derive(large), deriving.derive(large))  # there is one helper
    assert [len(found[0].outcomes) for found in both] == [100, 100]
    assert here == [1, 1]
    os.kill(helpers._idle[0].process.pid, signal.SIGKILL)
    assert len((await deriving.derive(large))[0].outcomes) == 100
    assert here == [1, 1, 1]


async def test_a_destroyed_key_is_told_as_it_would_be_here(settings: Settings, keys: KeyStore) -> None:
    own = Helpers(settings, 1)
    keeping = asyncio.ensure_future(own.keep())
    try:
        body = [posted(json.dumps(scan()).encode())]
        await asked(own, body)
        keys.destroy(DAY)
        with pytest.raises(Unavailable) as caught:
            await own.derive(body, SCANS)
        assert caught.value.code == "key_destroyed"
    finally:
        [helper] = own._idle
        keeping.cancel()
        await asyncio.wait((keeping,))
        assert helper.process.returncode is not None
