"""The server process: `python -m arrivals.embedded.clickhouse --data DIR --native-port P --http-port H --password-file F`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from arrivals.embedded.clickhouse.configuration import Role, sensible_memory_bytes
from arrivals.embedded.clickhouse.engine import Engine
from arrivals.embedded.clickhouse.http_server import HttpConnection, HttpListener
from arrivals.embedded.clickhouse.listeners import Service, User
from arrivals.embedded.clickhouse.native_server import NativeConnection, NativeListener
from arrivals.embedded.clickhouse.watch import Watcher
from schemas.errors import Misconfigured

_FINISH_SECONDS, _POLL_SECONDS = 10.0, 0.1


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m arrivals.embedded.clickhouse",
        description="The ClickHouse engine on one folder, behind ClickHouse's native protocol and HTTP interface. "
        "Prints one line when it is ready; SIGTERM or Ctrl-C ends it.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data; one process at a time")
    parser.add_argument("--native-port", type=int, default=9000, help="port of the native protocol; 0 takes a free one")
    parser.add_argument("--http-port", type=int, default=8123, help="port of the HTTP interface; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; traffic is not encrypted")
    parser.add_argument("--user", default="arrivals", help="name of the owner, who may do everything")
    parser.add_argument("--password-file", type=Path, required=True, help="file holding the owner's password")
    parser.add_argument("--reader", default="analyst", help="name of the reader, who may select from the v_* views")
    parser.add_argument("--reader-password-file", type=Path, help="file holding the reader's password; none: no reader")
    parser.add_argument("--memory-mb", type=int, help="most memory of the engine; half of the machine's up to 4096")
    parser.add_argument("--until-stdin-closes", action="store_true", help="also end when standard input is closed")
    return parser.parse_args(argv)


def password(path: Path) -> str:
    """The password in a file. Raises Misconfigured when there is none."""
    try:
        secret = path.read_text("utf-8").strip()
    except OSError as error:
        raise Misconfigured("clickhouse_password", f"The password file {path} cannot be read: {error.strerror}.") from error
    if not secret:
        raise Misconfigured("clickhouse_password", f"The password file {path} is empty.")
    return secret


def users(options: argparse.Namespace) -> tuple[User, ...]:
    owner = User(options.user, password(options.password_file), Role.OWNER)
    if options.reader_password_file is None:
        return (owner,)
    return (owner, User(options.reader, password(options.reader_password_file), Role.READER))


def stop_event(options: argparse.Namespace) -> threading.Event:
    """Set by SIGTERM, by SIGINT and, when asked for, by the end of standard input."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)

    def follow_stdin() -> None:
        while os.read(sys.stdin.fileno(), 4096):  # not through the buffer, whose lock would outlive the stop
            pass
        stop.set()

    if options.until_stdin_closes:
        threading.Thread(target=follow_stdin, name="stdin", daemon=True).start()
    return stop


def serve(options: argparse.Namespace) -> None:
    """Runs until told to stop. Raises Misconfigured when a password, the folder or a port cannot be used."""
    accounts = users(options)
    memory = options.memory_mb << 20 if options.memory_mb else sensible_memory_bytes()
    engine, watcher = Engine(options.data, memory), Watcher()
    engine.open()
    stop = stop_event(options)
    service = Service(engine, watcher, accounts)
    try:
        native = NativeListener((options.host, options.native_port), NativeConnection, service)
        http = HttpListener((options.host, options.http_port), HttpConnection, service)
    except OSError as error:
        raise Misconfigured("clickhouse_port", f"A port cannot be listened on: {error.strerror}.") from error
    watcher.start()
    for listener in (native, http):
        threading.Thread(target=listener.serve_forever, args=(_POLL_SECONDS,), name=type(listener).__name__, daemon=True).start()
    sys.stdout.write(f"ready native={options.host}:{native.port} http={options.host}:{http.port}\n")
    sys.stdout.flush()
    stop.wait()
    ended = [listener.finish(_FINISH_SECONDS) for listener in (native, http)]
    http.sessions.close()
    watcher.stop()
    if all(ended):
        engine.close()


def main(argv: list[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        serve(arguments(argv))
    except Misconfigured as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
