"""The outbox: a scan is on the disk before `put` returns, and leaves only with its answer."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.client import GatewayClient, Patience, ScanAnswer
from producers.outbox import Outbox
from schemas.errors import Misconfigured, Reason, Refused, Rejected, Unavailable
from schemas.event_ids import uuid7
from tests.stand_in_gateway import StandInGateway, stand_in_gateway
from tests.test_producers_client import TOKEN, scan


@pytest.fixture
def gateway() -> Iterator[StandInGateway]:
    with stand_in_gateway() as running:
        yield running


def event_id(number: int) -> str:
    return uuid7(1_581_988_350_250 + number, bytes(10))


def filled(path: Path, scans: int) -> Outbox:
    outbox = Outbox(path)
    for number in range(scans):
        outbox.put(event_id(number), scan(number))
    return outbox


def flush(outbox: Outbox, gateway: StandInGateway, seconds: float = 5) -> Counter[str]:
    async def run() -> Counter[str]:
        async with GatewayClient(gateway.url, Patience(total_seconds=seconds)) as client:
            return await outbox.flush(client, TOKEN, batch=3)

    return asyncio.run(run())


def test_what_waits_is_posted_oldest_first_and_leaves_with_its_answer(tmp_path: Path, gateway: StandInGateway) -> None:
    with filled(tmp_path / "o", 7) as outbox:
        assert flush(outbox, gateway) == {"accepted": 7}
        assert outbox.waiting() == 0
    assert list(gateway.seen) == [event_id(number) for number in range(7)]


def test_scans_survive_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "o"
    code = "import os, sys, pathlib; from producers.outbox import Outbox; "
    code += "Outbox(pathlib.Path(sys.argv[1])).put('a', b'{}'); os._exit(9)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False, cwd=Path(__file__).parent.parent)
    assert done.returncode == 9
    with Outbox(path) as outbox:
        assert outbox.oldest(10) == [("a", b"{}")]


def test_nothing_leaves_while_the_gateway_is_away(tmp_path: Path, gateway: StandInGateway) -> None:
    gateway.trouble = lambda number: None if number == 0 else (503, {"Retry-After": "9"})
    with filled(tmp_path / "o", 5) as outbox:
        with pytest.raises(Unavailable):
            flush(outbox, gateway, seconds=0.3)
        assert outbox.waiting() == 2
        gateway.trouble = lambda _: None
        assert flush(outbox, gateway) == {"accepted": 2}


def test_a_crash_between_answer_and_deletion_repeats_the_same_ids(tmp_path: Path, gateway: StandInGateway) -> None:
    with filled(tmp_path / "o", 2) as outbox:
        asyncio.run(_post_without_settling(outbox, gateway))
        assert flush(outbox, gateway) == {"duplicate": 2}


async def _post_without_settling(outbox: Outbox, gateway: StandInGateway) -> None:
    async with GatewayClient(gateway.url) as client:
        await client.deliver([body for _, body in outbox.oldest(10)], TOKEN)


def test_an_unknown_token_keeps_everything(tmp_path: Path, gateway: StandInGateway) -> None:
    gateway.trouble = lambda _: (401, {})
    with filled(tmp_path / "o", 2) as outbox:
        with pytest.raises(Refused):
            flush(outbox, gateway)
        assert outbox.waiting() == 2


def test_a_rejected_scan_leaves_its_reason_but_no_person(tmp_path: Path, gateway: StandInGateway) -> None:
    gateway.refuse = {event_id(1)}
    path = tmp_path / "o"
    with filled(path, 3) as outbox:
        assert flush(outbox, gateway) == {"accepted": 2, "rejected": 1}
        assert outbox.refused() == {event_id(1): "value_invalid"}
        left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert scan(1)[20:] not in left
        assert b"document_number" not in left


def test_the_same_scan_is_kept_once_and_another_under_its_id_is_refused(tmp_path: Path) -> None:
    with filled(tmp_path / "o", 1) as outbox:
        outbox.put(event_id(0), scan(0))
        assert outbox.waiting() == 1
        with pytest.raises(Rejected):
            outbox.put(event_id(0), scan(5))
        assert outbox.oldest(5) == [(event_id(0), scan(0))]


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o") as outbox:
        assert [outbox.next_sequence(), outbox.next_sequence()] == [0, 1]
    with Outbox(tmp_path / "o") as outbox:
        assert outbox.next_sequence() == 2


def test_only_the_owner_may_read_and_every_write_is_forced_to_the_disk(tmp_path: Path) -> None:
    with Outbox(tmp_path / "folder" / "o") as outbox:
        assert os.stat(tmp_path / "folder" / "o").st_mode & 0o077 == 0
        assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert outbox._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_is_no_outbox_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "o").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(Misconfigured, match="outbox"):
        Outbox(tmp_path / "o")


def test_a_write_that_fails_raises_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    with filled(tmp_path / "o", 1) as outbox:
        other = sqlite3.connect(tmp_path / "o")
        outbox._db.execute("PRAGMA busy_timeout=1")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            outbox.put(event_id(1), scan(1))
        other.execute("ROLLBACK")
        other.close()
        outbox.settle([(event_id(0), ScanAnswer(event_id(0), "rejected", (Reason("", "x", "", ""),)))])
        assert (outbox.waiting(), outbox.refused()) == (0, {event_id(0): "x"})
