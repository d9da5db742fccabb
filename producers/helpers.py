"""Who derives posts: the gateway's own process, or for large ones a helper beside it that has nothing to do at the moment.

Deriving is pure work on the bytes of a post, and nine tenths of what a large one costs. Done elsewhere it uses other cores, and
the loop goes on answering small posts meanwhile. Guarantee: none is needed. Who claims an id, and whether Kafka has confirmed, is
known to the gateway's one process alone; a helper that dies or was never there means that the gateway does the work itself.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import structlog

from arrivals.runtime.settings import Settings
from producers.deriving import Derived, Posted, derive_all
from producers.kinds import EventKind
from producers.sealer import Sealer
from schemas.errors import Unavailable

#: From so many bytes of posts on, some seventy scans, sending them over and back costs little beside the work.
_WORTH_SENDING_BYTES = 30_000
#: A helper that takes longer is stuck; it is ended and the work done here.
_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 5.0
_SIZE_BYTES = 4
_LOST = (asyncio.IncompleteReadError, ConnectionError)


class Helpers:
    """Up to `count` processes that derive. Used from the event loop only; `keep` starts them and keeps them running."""

    def __init__(self, settings: Settings, count: int) -> None:
        self._settings = settings
        self._count = count
        self._idle: list[_Helper] = []
        self._asking: set[asyncio.Task[Any]] = set()

    async def keep(self) -> None:
        """Runs until cancelled; then the helpers end."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._keep_one())

    async def derive(self, posts: Sequence[Posted], kind: EventKind) -> list[Derived] | None:
        """What follows from each post, or None when no helper is there to find out. Raises Unavailable like `derive_all`."""
        if not self._idle:
            return None
        asking = asyncio.ensure_future(self._ask(self._idle.pop(), (kind.path, posts)))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        answer = await asyncio.shield(asking)  # whoever waits may go; the helper's answer must still be read
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    async def _ask(self, helper: _Helper, question: tuple[str, Sequence[Posted]]) -> list[Derived] | Unavailable | None:
        try:
            helper.write(question)
            async with asyncio.timeout(_PATIENCE_SECONDS):
                answer = await helper.read()
        except (*_LOST, TimeoutError):
            helper.lost.set()
            return None
        self._idle.append(helper)
        return Unavailable(*answer) if isinstance(answer, tuple) else answer

    async def _keep_one(self) -> None:
        while True:
            helper = await _Helper.start(self._settings)
            try:
                await helper.read()
                self._idle.append(helper)
                await helper.lost.wait()
            except _LOST:
                pass
            finally:
                self._idle = [other for other in self._idle if other is not helper]
                helper.close()
            structlog.get_logger().warning("gateway_helper_lost", exit_code=helper.process.returncode)
            await asyncio.sleep(_PAUSE_SECONDS)


class Deriving:
    """Derives posts of one kind, here or with the helpers, whichever is quicker."""

    def __init__(self, kind: EventKind, sealer: Sealer, helpers: Helpers | None = None) -> None:
        self.kind = kind
        self.sealer = sealer
        self._helpers = helpers

    async def derive(self, posts: Sequence[Posted]) -> list[Derived]:
        """What follows from each post. Raises Unavailable when nothing can be sealed."""
        found = None
        if self._helpers is not None and sum(len(post.body) for post in posts) >= _WORTH_SENDING_BYTES:
            found = await self._helpers.derive(posts, self.kind)
        return derive_all(posts, self.kind, self.sealer) if found is None else found


class _Helper:
    """One helper process and the connection to it. It ends when the connection does, however we end."""

    def __init__(self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.process = process
        self.lost = asyncio.Event()
        self._reader, self._writer = reader, writer

    @classmethod
    async def start(cls, settings: Settings) -> _Helper:
        """A helper that starts; its first message says that it is ready."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "producers.helper_process", str(theirs.fileno())]
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220 (once, at start)
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
            )
        made = cls(process, *await asyncio.open_connection(sock=ours, limit=1 << 20))
        made.write(settings.model_dump_json())
        return made

    def write(self, message: object) -> None:
        """Sends a message."""
        content = pickle.dumps(message)
        self._writer.write(len(content).to_bytes(_SIZE_BYTES, "big") + content)

    async def read(self) -> Any:
        """The next message. Raises IncompleteReadError or ConnectionError when the helper is gone."""
        size = int.from_bytes(await self._reader.readexactly(_SIZE_BYTES), "big")
        return pickle.loads(await self._reader.readexactly(size))  # noqa: S301 (written by our own helper)

    def close(self) -> None:
        """Ends the helper, whatever it is doing: it holds nothing that could be lost."""
        self._writer.close()
        self.process.terminate()
        self.process.wait()
