"""One open SSE response: what a reader's queue holds, pings in between, a farewell at the end.

The reader may vanish at any time; `leave` is called once, whatever happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from serving.hub import Reader
from serving.stream import frame

PING_SECONDS = 15.0
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}


class EventStream(Response):
    """Writes `opening`, then the awaited `backlog`, then whatever the reader's queue gets, until the reader is closed."""

    def __init__(
        self,
        reader: Reader,
        opening: bytes,
        backlog: Awaitable[bytes],
        ping: Callable[[], bytes],
        leave: Callable[[Reader], None],
    ) -> None:
        super().__init__(headers=HEADERS)
        self._reader = reader
        self._opening = opening
        self._backlog = backlog
        self._ping = ping
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Serves the stream until either side ends it."""
        gone = asyncio.ensure_future(_disconnected(receive, self._reader))
        headers = [(k, v) for k, v in self.raw_headers if k != b"content-length"]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send(_body(self._opening))
            await send(_body(await self._backlog))
            await self._pump(send)
        except OSError:
            self._reader.close("gone")
        finally:
            gone.cancel()
            self._leave(self._reader)

    async def _pump(self, send: Send) -> None:
        reader = self._reader
        while True:
            chunk = await reader.take(PING_SECONDS)
            if reader.closed in ("gone", "slow"):
                break
            if chunk or not reader.closed:
                await send(_body(chunk or self._ping()))
                continue
            await send(_body(frame("farewell", b'{"reason":"%s"}' % reader.closed.encode())))
            break
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _body(chunk: bytes) -> Message:
    return {"type": "http.response.body", "body": chunk, "more_body": True}


async def _disconnected(receive: Receive, reader: Reader) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.close("gone")
