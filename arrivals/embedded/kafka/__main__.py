"""`python -m arrivals.embedded.kafka --data DIR --port P`: the server in the foreground."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from arrivals.embedded.kafka.server import KafkaServer
from schemas.errors import ArrivalsError


def main() -> int:
    """Runs until SIGTERM or SIGINT; the server's exit code otherwise."""
    parser = argparse.ArgumentParser(prog="python -m arrivals.embedded.kafka", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the server's data")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--cache", type=Path, default=None, help="folder of the downloaded jars")
    options = parser.parse_args()
    server = KafkaServer(options.data, options.port, options.cache)
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        server.start()
    except ArrivalsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"kafka ready on {server.bootstrap}\n")
    sys.stdout.flush()
    code = server.wait()
    return 0 if stopping else code or 1


if __name__ == "__main__":
    sys.exit(main())
