"""`arrivals replay`: decide kept scans again, to show that nothing differs, or what other rules would decide."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, notes, print_json, print_mapping, print_rows
from arrivals.runtime.settings import load_settings
from schemas.base import LOCAL, Instant
from schemas.errors import Misconfigured

if TYPE_CHECKING:
    from streams.run_replay import Stretch

_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_DAY = re.compile(r"\d{4}-\d\d-\d\d\Z")
_TIME = "a day (2020-02-18) or a time (2020-02-18T08:00:00+08:00)"


def replay(
    *,
    since: Annotated[str, typer.Option("--from", metavar="TIME", help=f"First scan, {_TIME}.")],
    until: Annotated[str, typer.Option("--to", metavar="TIME", help="Last day, included, or the time before which scans count.")],
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME_OR_VERSION", help="The reference as of a version, or as known then."),
    ] = None,
    rules: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Rules (TOML) to try; needs --dry-run.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say who would be decided differently under --rules.")] = False,
    show: Annotated[int, typer.Option(min=0, help="Differences shown.")] = 20,
    json: JsonOption = False,
) -> None:
    """Decide the kept scans again and compare with what `arrivals` holds, byte by byte.

    Every held version is decided under its own reference version; with --as-of the newest one must also say what would be
    decided under the version asked for. Exit code 1 on any difference. With --rules and --dry-run: who would be decided
    differently. Publishes nothing, ever.
    """
    stretch, asked = _stretch(since, until), _as_of(as_of)
    if rules is not None and not dry_run:
        raise Misconfigured("dry_run_missing", "Other rules are only tried.", "Add --dry-run; to decree them, load them.")
    if rules is not None:
        return _dry_run(stretch, asked, rules, show, json=json)
    from streams.run_replay import replay as run

    with _progress() as told:
        report = run(load_settings(), stretch, asked, show, told)
    values = asdict(report)
    first = [difference._asdict() for difference in report.first]
    if json:
        print_json(values | {"differences": dict(report.differences), "first": first, "exact": report.exact})
    else:
        shown = {name: value for name, value in values.items() if name not in ("show", "asked", "first")}
        print_mapping("Replay", shown | {"differences": dict(report.differences)})
        if first:
            print_rows("First differences", tuple(first[0]), [tuple(one.values()) for one in first])
    if not report.exact:
        raise typer.Exit(1)
    return None


def _dry_run(stretch: Stretch, as_of: int | datetime | None, file: Path, show: int, *, json: bool) -> None:
    from reference.shipped import read_rows
    from streams.run_replay import dry_run as run

    with _progress() as told:
        found = run(load_settings(), stretch, as_of, read_rows(file.read_text("utf-8")), show, told)
    changed = {f"{old} → {new}": count for (old, new), count in sorted(found.changed.items())}
    totals = {name: dict(sorted(counts.items())) for name, counts in found.totals.items()}
    first = [one._asdict() for one in found.first]
    if json:
        print_json({"scans": found.scans, "changed": changed, **totals, "first": first})
        return
    print_mapping("Under other rules", {"scans": found.scans, "changed": changed, **totals})
    if first:
        print_rows("Decided differently", tuple(first[0]), [tuple(one.values()) for one in first])


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each topic that is read, on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=notes(), transient=True) as progress:
        tasks: dict[str, Any] = {}

        def told(name: str, total: int, done: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(f"reading {name}", total=total)
            progress.update(tasks[name], completed=done)

        yield told


def _stretch(since: str, until: str) -> Stretch:
    from streams.run_replay import Stretch

    last = _moment(until)
    return Stretch(_moment(since), last + timedelta(days=1) if _DAY.match(until) else last)


def _as_of(text: str | None) -> int | datetime | None:
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() else _moment(text)


def _moment(text: str) -> datetime:
    try:
        if _DAY.match(text):
            return datetime.fromisoformat(text).replace(tzinfo=LOCAL)
        return _INSTANT.validate_python(text)
    except (ValidationError, ValueError):
        raise Misconfigured("time_invalid", f"'{text}' is no time.", f"Write {_TIME}.") from None


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command(
        rich_help_panel=OPERATE,
        epilog=examples(
            "replay --from 2020-02-18 --to 2020-02-18",
            "replay --from 2020-02-18 --to 2020-02-18 --as-of 2020-02-18T10:00:00+08:00 --json",
            "replay --from 2020-02-10 --to 2020-02-18 --rules new.toml --dry-run",
        ),
    )(replay)
