"""What the demonstration needs to know before its first scan: sites, grades, rules, and tokens for devices and desks.

Idempotent: a second start appends only what is missing. Tokens lie in `<data_dir>/secrets/tokens.json` (mode 0600);
the topic holds their hashes.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from arrivals.runtime.reference_feed import read_snapshot
from arrivals.runtime.reference_writer import append, credential_row, new_token, token_digest
from arrivals.runtime.settings import Settings
from reference.gazetteer import Gazetteer
from reference.listed_rows import read_line
from reference.rows import make_row, row_of
from reference.shipped import missing_shipped
from reference.snapshot import CITY, Snapshot
from schemas.reference_rows import ReferenceRow, Role, SiteData

_AUTHOR = "demonstration"


def write_secret(path: Path, make: Any) -> str:
    """The secret in a file of mode 0600; `make()` gives a new one where there is none."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(make())
    return path.read_text("utf-8").strip()


def write_passwords(settings: Settings) -> None:
    """Makes the ClickHouse passwords of the embedded mode."""
    for name in ("clickhouse", "clickhouse-reader"):
        write_secret(settings.data_dir / "secrets" / name, lambda: secrets.token_urlsafe(24))


def kept_secrets(path: Path, wanted: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """Secrets by name from a JSON file of mode 0600; those wanted that are missing are made and kept."""
    found: dict[str, str] = json.loads(write_secret(path, lambda: "{}"))
    missing = {name: make() for name, make in wanted.items() if name not in found}
    if missing:
        found |= missing
        fresh = path.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
        fresh.replace(path)
    return found


def load_tokens(settings: Settings, sites: Iterable[SiteData], gazetteer: Gazetteer) -> dict[str, str]:
    """Bearer tokens by name: `device:<site>`, `device:<county>` for check-ins, `county:<code>`, `health_desk:<code>`, `analyst`,
    `administrator`.
    """
    wanted: list[tuple[str, Role]] = [(f"device:{site.site_id}", "device") for site in sites]
    counties = [area.code for area in gazetteer.children(CITY)]
    wanted += [(f"device:{code}", "device") for code in counties]
    wanted += [(f"county:{code}", "county") for code in counties]
    wanted += [(f"health_desk:{code}", "health_desk") for code in counties]
    wanted += [("analyst:*", "analyst"), ("administrator:*", "administrator")]
    return kept_secrets(settings.data_dir / "secrets" / "tokens.json", {name: partial(new_token, role) for name, role in wanted})


def seed_reference(settings: Settings, sites: Iterable[SiteData], gazetteer: Gazetteer) -> tuple[int, dict[str, str]]:
    """Appends what the topic lacks; returns the number of rows appended and the tokens by name."""
    sites = list(sites)
    tokens = load_tokens(settings, sites, gazetteer)
    current = read_snapshot(settings, gazetteer)
    rows = [
        *_sites(sites, current),
        *_grades(current, gazetteer),
        *_case_counts(current),
        *missing_shipped(current),
        *_credentials(tokens, current),
    ]
    if rows:
        append(settings, rows)
    return len(rows), tokens


def _sites(sites: Iterable[SiteData], snapshot: Snapshot) -> Iterable[ReferenceRow]:
    known = set(snapshot.sites.keys())
    for site in sites:
        if site.site_id not in known:
            yield make_row(site, key=site.site_id, author=_AUTHOR, reason="sample sites")


def _grades(snapshot: Snapshot, gazetteer: Gazetteer) -> Iterable[ReferenceRow]:
    if snapshot.grades:
        return
    text = files("arrivals.demo").joinpath("grades.csv").read_text("utf-8")
    for line in csv.DictReader(text.splitlines()):
        yield row_of("grade", {k: v for k, v in line.items() if v}, gazetteer.known)


def _case_counts(snapshot: Snapshot) -> Iterable[ReferenceRow]:
    """The published counts of Shangqiu and its neighbours, for the criteria of 17 February to propose something."""
    if snapshot.case_counts:
        return
    text = files("reference").joinpath("data", "examples", "case-counts.csv").read_text("utf-8")
    for line in csv.DictReader(text.splitlines()):
        yield read_line("case-count", line, snapshot)


def _credentials(tokens: dict[str, str], snapshot: Snapshot) -> Iterable[ReferenceRow]:
    known = set(snapshot.credentials.keys())
    for name, token in tokens.items():
        role, _, scope = name.partition(":")
        if token_digest(token) not in known:
            yield credential_row(token, role, name.replace("*", "all"), scope, _AUTHOR)  # type: ignore[arg-type]
