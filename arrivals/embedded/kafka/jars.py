"""The pinned jars of Kafka in a cache folder, each checked against its SHA-256 at every start.

Several processes may use and fill one cache at the same time: a jar appears there whole and verified, or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress

from schemas.errors import Misconfigured

VERSION = "4.3.1"
DEFAULT_CACHE = Path(".data") / "cache" / f"kafka-{VERSION}"
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar: Maven coordinates `group:artifact:version` and the SHA-256 of its bytes."""

    coordinates: str
    sha256: str

    def below(self, cache: Path) -> Path:
        """Its place in a cache folder, which has the layout of a Maven repository."""
        group, artifact, version = self.coordinates.split(":")
        return cache.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")


def locked_jars() -> tuple[Jar, ...]:
    """The jars of `jars.lock`, in its order."""
    lines = files("arrivals.embedded.kafka").joinpath("jars.lock").read_text("utf-8").splitlines()
    return tuple(Jar(*reversed(line.split())) for line in lines if line and not line.startswith("#"))


def bring_jars(cache: Path, progress: Progress | None = None, jars: Sequence[Jar] | None = None) -> list[Path]:
    """Paths of all jars below `cache`; what is missing or damaged is downloaded, with a bar in `progress`.

    Raises Unavailable when a download fails, Misconfigured when a repository serves other bytes than were locked.
    """
    wanted = locked_jars() if jars is None else jars
    missing = [jar for jar in wanted if digest(jar.below(cache)) != jar.sha256]
    if missing:
        _download(missing, cache, progress)
    return [jar.below(cache) for jar in wanted]


def digest(path: Path) -> str | None:
    """SHA-256 of a file in hexadecimal; None where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _download(missing: Sequence[Jar], cache: Path, progress: Progress | None) -> None:
    from arrivals.embedded.kafka.maven import system_certificates  # its libraries are wanted on the first start only

    cache.mkdir(parents=True, exist_ok=True)
    task = progress.add_task("downloading Apache Kafka", total=len(missing)) if progress else None
    with TemporaryDirectory(dir=cache, prefix="incoming-") as folder, system_certificates(), ThreadPoolExecutor(_AT_ONCE) as pool:
        waiting = [pool.submit(_bring, jar, Path(folder), cache) for jar in missing]
        try:
            for done in as_completed(waiting):
                done.result()
                if progress and task is not None:
                    progress.advance(task)
        finally:
            pool.shutdown(cancel_futures=True)


def _bring(jar: Jar, folder: Path, cache: Path) -> None:
    from arrivals.embedded.kafka.maven import fetch

    fresh = fetch(jar.coordinates, folder)
    found = digest(fresh)
    if found != jar.sha256:
        raise Misconfigured(
            "jar_altered",
            f"{jar.coordinates} was downloaded with the SHA-256 {found}, but {jar.sha256} is locked in jars.lock.",
            "The repository or mirror serves another file, which is not used. Try another mirror.",
        )
    place = jar.below(cache)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(fresh, place)
