"""A helper of the gateway: derives the posts that come over a socket until the socket is closed (`producers.helpers`)."""

from __future__ import annotations

import gc
import os
import pickle
import socket
import sys
from contextlib import suppress
from io import BufferedRWPair
from typing import Any

from arrivals.runtime.keys import KeyStore
from arrivals.runtime.settings import Settings
from producers.deriving import derive_all
from producers.kinds import BY_PATH
from producers.sealer import Sealer
from schemas.errors import Unavailable

_SIZE_BYTES = 4
_GARBAGE_THRESHOLD = 50_000


def help_out(stream: BufferedRWPair) -> None:
    """Reads settings, says that it is ready, and answers every list of posts; returns at the end of the stream."""
    settings = Settings.model_validate_json(_read(stream))
    keys = KeyStore.open(settings.secret_path("keys.json", settings.keys_file), create=False)
    sealer = Sealer(keys, settings.topic, os.urandom)
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    _write(stream, "ready")
    while (question := _read(stream)) is not None:
        path, posts = question
        keys.refresh()
        try:
            _write(stream, derive_all(posts, BY_PATH[path], sealer))
        except Unavailable as error:
            _write(stream, (error.code, error.message, error.retry_after_seconds))


def _read(stream: BufferedRWPair) -> Any:
    size = int.from_bytes(stream.read(_SIZE_BYTES), "big")
    return pickle.loads(stream.read(size)) if size else None  # noqa: S301 (written by our own gateway)


def _write(stream: BufferedRWPair, message: object) -> None:
    content = pickle.dumps(message)
    stream.write(len(content).to_bytes(_SIZE_BYTES, "big") + content)
    stream.flush()


def main() -> None:
    """Serves the socket whose number is the first argument."""
    with (
        suppress(ConnectionError),  # the gateway is gone
        socket.socket(fileno=int(sys.argv[1])) as connection,
        connection.makefile("rwb") as both_ways,
    ):
        help_out(both_ways)


if __name__ == "__main__":
    main()
