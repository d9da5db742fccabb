"""A QR gun at a barrier: lines in, scans into the outbox, answers out, whether the gateway is there or not.

Delivery guarantee: a scan is on the disk before anything is said about it (`producers.outbox`), and is posted at least once under
one event id. The gateway away: scans wait, the count is told, and they are posted as soon as it is back or at the next start. A
line that is no scan is kept as it came in a file beside the outbox (mode 0600) and never shown: it may hold a person.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock, Thread
from typing import Literal

from producers.client import GatewayClient, Patience, ScanAnswer
from producers.outbox import Outbox
from producers.payloads import Circumstances, Payload, complete, read_payload
from schemas.base import LOCAL
from schemas.errors import Reason, Refused, Rejected, Unavailable
from schemas.event_ids import RANDOM_BYTES, uuid7

#: A gun that reads the same code again within this time was held over it too long.
REREAD_SECONDS = 30.0
_AGAIN_SECONDS = 3.0
_PATIENCE = Patience(total_seconds=2.0, attempt_seconds=5.0, connections=1)

Status = Literal["accepted", "duplicate", "rejected", "queued", "unsaved", "away", "refused"]


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to show. `away` and `refused` concern the gateway, the others a scan; `waiting` scans are not answered yet.

    `sequence` is the device's number of the scan, None for a line that is none and for scans of an earlier run.
    """

    status: Status
    waiting: int
    sequence: int | None = None
    event_id: str | None = None
    flags: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Post:
    """Where scans go: the gateway's address, the device's token, further headers."""

    gateway: str
    token: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Scanning:
    """Takes lines for one site. `tell` is called with everything there is to show, never twice at a time."""

    def __init__(self, outbox: Outbox, rejected: Path, site: str, post: Post, tell: Callable[[Told], None]) -> None:
        self._outbox, self._rejected, self._site, self._post, self._tell = outbox, rejected, site, post, tell
        self._lock = Lock()
        self._recent: dict[bytes, tuple[float, Payload]] = {}
        self._numbers: dict[str, int] = {}
        self._trouble: Status | None = None
        self._ending = False
        self._loop = asyncio.new_event_loop()
        self._wake = asyncio.Event()
        self.counts: Counter[Status] = Counter()

    def run(self, lines: Iterable[bytes]) -> int:
        """Takes lines until they end or Ctrl-C, then tries once more to post what waits; returns how many scans still do.

        `counts` says what became of the scans of this run and of those that waited before.
        """
        thread = Thread(target=self._loop.run_until_complete, args=(self._deliver(),), name="posting")
        thread.start()
        try:
            for line in lines:
                if text := line.strip():
                    self.take(text)
        except KeyboardInterrupt:
            pass  # the outbox keeps everything; what follows is the same as at the end of the lines
        finally:
            self._ending = True
            self._loop.call_soon_threadsafe(self._wake.set)
            thread.join()
            self._loop.close()
        return self._outbox.waiting()

    def take(self, line: bytes) -> None:
        """Keeps one line: as a scan in the outbox, or in the file of rejected lines."""
        digest, now = hashlib.sha256(line).digest(), time.monotonic()
        if before := self._read_before(digest, now):
            self._say("duplicate", payload=before)
            return
        try:
            payload = self._scan_of(line)
            with self._lock:  # the answer may come before `put` returns
                self._numbers[payload.event_id] = payload.sequence
                self._recent[digest] = now, payload
            self._outbox.put(payload.event_id, payload.body)
        except Rejected as error:
            self._forget(digest)
            self._keep_rejected(line, error)
        except Unavailable as error:
            self._forget(digest)
            self._say("unsaved", reasons=(Reason("", error.code, error.message, "未保存,请检查磁盘"),))
        else:
            if self._trouble:
                self._say("queued", payload=payload)
            self._loop.call_soon_threadsafe(self._wake.set)

    def _forget(self, digest: bytes) -> None:
        with self._lock:
            self._recent.pop(digest, None)

    def _read_before(self, digest: bytes, now: float) -> Payload | None:
        """The scan made of the same line a moment ago."""
        with self._lock:
            self._recent = {key: value for key, value in self._recent.items() if now - value[0] < REREAD_SECONDS}
            return self._recent[digest][1] if digest in self._recent else None

    def _scan_of(self, line: bytes) -> Payload:
        now = datetime.now(LOCAL)
        values = read_payload(line)
        event_id = uuid7(int(now.timestamp() * 1000), os.urandom(RANDOM_BYTES))
        complete(values, Circumstances(self._site, event_id, 0, now))  # a wrong one takes no number
        return complete(values, Circumstances(self._site, event_id, self._outbox.next_sequence(), now))

    def _keep_rejected(self, line: bytes, error: Rejected) -> None:
        try:
            handle = os.open(self._rejected, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "ab") as file:
                file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as fault:
            why = Reason("", "rejected_write", f"The line could not be kept ({fault.strerror}).", "未保存,请检查磁盘")
            self._say("unsaved", reasons=(why,))
        else:
            self._say("rejected", reasons=error.reasons)

    async def _deliver(self) -> None:
        async with GatewayClient(self._post.gateway, _PATIENCE) as client:
            while True:
                ending = self._ending
                self._wake.clear()
                await self._flush(client)
                if ending:
                    return
                if not self._ending:
                    await self._pause()

    async def _flush(self, client: GatewayClient) -> None:
        try:
            await self._outbox.flush(client, self._post.token, self._post.headers, on_answer=self._answered)
        except Unavailable as error:
            chinese = "发件箱无法写入,请检查磁盘" if error.code == "outbox_write" else "网关不可达,扫码照常保存,恢复后自动上传"
            self._in_trouble("away", Reason("", error.code, error.message, chinese))
        except Refused as error:
            self._in_trouble("refused", Reason("", error.code, str(error), "网关拒绝本设备,请检查令牌;扫码照常保存"))
        else:
            self._trouble = None

    async def _pause(self) -> None:
        """Until the next scan; in trouble, or with scans of an unlucky moment, a few seconds."""
        try:
            async with asyncio.timeout(_AGAIN_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    def _in_trouble(self, status: Status, why: Reason) -> None:
        if self._trouble != status:
            self._say(status, reasons=(why,))
        self._trouble = status

    def _answered(self, event_id: str, answer: ScanAnswer) -> None:
        with self._lock:
            number = self._numbers.pop(event_id, None)
            if answer.status == "rejected":  # read once more, it is a new attempt
                self._recent = {key: value for key, value in self._recent.items() if value[1].event_id != event_id}
        self._show(Told(answer.status, self._outbox.waiting(), number, event_id, answer.flags, answer.reasons))

    def _say(self, status: Status, payload: Payload | None = None, reasons: tuple[Reason, ...] = ()) -> None:
        number, event_id = (payload.sequence, payload.event_id) if payload else (None, None)
        self._show(Told(status, self._outbox.waiting(), number, event_id, (), reasons))

    def _show(self, told: Told) -> None:
        with self._lock:
            self.counts[told.status] += 1
            self._tell(told)
