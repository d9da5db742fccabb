"""Brings the pinned jars of Kafka into a cache folder, each checked against its SHA-256.

Mirrors: the first `<mirror>` in `~/.m2/settings.xml` whose `mirrorOf` covers `central` is used, as Maven would.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

from requests import RequestException
from rich.progress import Progress

from schemas.errors import Misconfigured, Unavailable

VERSION = "4.3.1"
_SYSTEM_CERTIFICATES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned jar: Maven coordinates `group:artifact:version` and the SHA-256 of its bytes."""

    coordinates: str
    sha256: str


def locked_jars() -> tuple[Jar, ...]:
    """The jars of `jars.lock`, in its order."""
    lines = files("arrivals.embedded.kafka").joinpath("jars.lock").read_text("utf-8").splitlines()
    return tuple(Jar(*reversed(line.split())) for line in lines if line and not line.startswith("#"))


def bring_jars(cache: Path, progress: Progress | None = None) -> list[Path]:
    """Paths of all jars below `cache`, downloading what is missing. Raises Unavailable or Misconfigured (wrong checksum)."""
    trust_system_certificates()
    jars = locked_jars()
    task = progress.add_task("Apache Kafka", total=len(jars)) if progress else None
    with ThreadPoolExecutor(8) as pool:
        waiting = {pool.submit(_bring, jar, cache): jar for jar in jars}
        for done in as_completed(waiting):
            done.result()
            if progress and task is not None:
                progress.advance(task)
    return [future.result() for future in waiting]


def trust_system_certificates() -> None:
    """Lets the downloader trust what the machine trusts, where nothing else was set: city networks have roots of their own."""
    bundle = next((path for path in _SYSTEM_CERTIFICATES if path.exists()), None)
    if bundle is not None:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", str(bundle))


def _bring(jar: Jar, cache: Path) -> Path:
    from jgo.maven import MavenContext

    group, artifact, version = jar.coordinates.split(":")
    context = MavenContext(repo_cache=cache, remote_repos=_mirror(), timeout=60)
    try:
        path = context.project(group, artifact).at_version(version).artifact().resolve()
    except (RequestException, OSError, RuntimeError) as error:
        advice = "Check the network, or set a mirror in ~/.m2/settings.xml."
        raise Unavailable(
            "jar_unreachable", f"{jar.coordinates} cannot be downloaded ({type(error).__name__}). {advice}"
        ) from error
    found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if found != jar.sha256:
        Path(path).unlink()
        raise Misconfigured(
            "jar_altered",
            f"{jar.coordinates} has the SHA-256 {found}, {jar.sha256} is expected.",
            "The repository or mirror serves another file; it was removed. Try another mirror.",
        )
    return Path(path)


def _mirror() -> dict[str, str] | None:
    settings = Path.home() / ".m2" / "settings.xml"
    if not settings.exists():
        return None
    try:
        mirrors: Iterable[ElementTree.Element] = ElementTree.parse(settings).iter()  # noqa: S314 (the user's own file)
    except ElementTree.ParseError:
        return None
    for element in mirrors:
        if element.tag.endswith("mirror"):
            named = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element}
            if {"*", "central", "external:*"} & set(named.get("mirrorOf", "").split(",")) and named.get("url"):
                return {named.get("id", "mirror"): named["url"]}
    return None
