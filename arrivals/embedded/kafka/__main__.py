"""`python -m arrivals.embedded.kafka --data DIR --port P`: the server in the foreground, `--prepare`: what it needs, only.

The process becomes Kafka itself: a signal reaches it without a go-between, and its exit code is Kafka's (143 after SIGTERM).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from arrivals.embedded.kafka.jars import DEFAULT_CACHE, bring_jars
from arrivals.embedded.kafka.java import java_environment
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.kafka.training import train
from schemas.errors import ArrivalsError


def main() -> None:
    """Ends with exit code 1 and one line on standard error when the server cannot run."""
    parser = argparse.ArgumentParser(prog="python -m arrivals.embedded.kafka", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the server's data")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--subscriber-port", type=int, help="port for clients that log in; none when left out")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="folder of the downloaded jars")
    parser.add_argument("--prepare", action="store_true", help="download the jars, make starts quick, and end")
    options = parser.parse_args()
    if not options.prepare and options.data is None:
        parser.error("--data is needed")
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            if options.prepare:
                prepare(options.cache, progress)
                return
            server = KafkaServer(options.data, options.port, options.cache, subscriber_port=options.subscriber_port)
            command = server.command(progress)
    except ArrivalsError as error:
        sys.exit(str(error))
    sys.stdout.write(f"Kafka starts on {server.bootstrap}; Ctrl-C ends it\n")
    sys.stdout.flush()
    os.chdir(options.data)
    os.execve(command[0], command, dict(java_environment()))  # noqa: S606 (there is no shell, and none is wanted)


def prepare(cache: Path, progress: Progress) -> None:
    """Everything a quick first start needs, so that a test run or a presentation does not wait for it."""
    jars = bring_jars(cache, progress)
    task = progress.add_task("training Apache Kafka for quick starts (once)", total=None)
    trained = train(jars, cache)
    progress.remove_task(task)
    if not trained:
        progress.console.print("Java made no recording: Kafka works, but starts more slowly.")


if __name__ == "__main__":
    main()
