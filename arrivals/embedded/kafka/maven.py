"""Fetches single artifacts from Maven Central or the user's mirror of it, through jgo: neither Maven nor Java is needed.

Proxies are taken from `HTTPS_PROXY` and the like. Mirrors: the first `<mirror>` in `~/.m2/settings.xml` whose `mirrorOf`
covers `central`, as Maven chooses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from jgo.maven import MavenContext
from requests import RequestException

from schemas.errors import Misconfigured, Unavailable

_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, openEuler, Kylin
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine
)
_COVERS_CENTRAL = {"*", "external:*", "central"}


def fetch(coordinates: str, folder: Path) -> Path:
    """Downloads `group:artifact:version` below `folder` and returns its path. Raises Unavailable with what to check."""
    group, artifact, version = coordinates.split(":")
    context = MavenContext(repo_cache=folder, remote_repos=mirror(), timeout=60)
    try:
        return Path(context.project(group, artifact).at_version(version).artifact().resolve())
    except (RequestException, OSError, RuntimeError) as error:
        raise Unavailable(
            "jar_unreachable",
            f"{coordinates} cannot be downloaded ({type(error).__name__}). Check the network, a proxy (HTTPS_PROXY), "
            "or set a mirror in ~/.m2/settings.xml.",
        ) from error


@contextmanager
def system_certificates() -> Iterator[None]:
    """Within, downloads trust what the machine trusts where nothing else was set: city networks have roots of their own."""
    name = "REQUESTS_CA_BUNDLE"
    set_already = os.environ.get(name) or os.environ.get("CURL_CA_BUNDLE")
    bundle = os.environ.get("SSL_CERT_FILE") or next(filter(os.path.exists, _SYSTEM_BUNDLES), None)
    if set_already or not bundle:
        yield
        return
    before = os.environ.get(name)
    os.environ[name] = bundle
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def mirror(settings: Path | None = None) -> dict[str, str] | None:
    """Name and address of the user's mirror of Maven Central; None where none is set. Raises Misconfigured on broken XML."""
    path = settings or Path(os.path.expanduser("~/.m2/settings.xml"))
    if not path.exists():
        return None
    try:
        elements = list(ElementTree.parse(path).iter())  # noqa: S314 (the user's own file)
    except ElementTree.ParseError as error:
        raise Misconfigured("maven_settings", f"{path} is not well-formed XML.", "Correct it or move it away.") from error
    for element in elements:
        if element.tag.endswith("mirror"):
            named = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element}
            covered = {word.strip() for word in named.get("mirrorOf", "").split(",")}
            if covered & _COVERS_CENTRAL and "!central" not in covered and named.get("url"):
                return {named.get("id", "mirror"): named["url"].rstrip("/")}
    return None
