"""`arrivals reference list`, `history`, `propose`: what is known, what was known then, and what case counts propose."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from arrivals.cli.helping import examples
from arrivals.cli.output import DayOption, JsonOption, console, print_json, print_rows
from arrivals.cli.reference import TIME, current_snapshot, instant
from schemas.errors import Rejected

if TYPE_CHECKING:
    from reference.dated import Dated, DatedTable
    from reference.snapshot import Snapshot

KindArgument = Annotated[
    str,
    typer.Argument(
        help="grade, succession, case-count, site, unit, pass, pass-type, pass-use, rule, contact-rule, webhook or credential."
    ),
]
AtOption = Annotated[str | None, typer.Option("--at", help=f"Only what holds at this time, {TIME}.")]
KnownAtOption = Annotated[str | None, typer.Option("--known-at", help="As it was known at this time, in the same form.")]


def list_rows(kind: KindArgument, *, at: AtOption = None, known_at: KnownAtOption = None, json: JsonOption = False) -> None:
    """Show the newest row of every key of one kind; with --at or --known-at, the one that counts."""
    snapshot, when, known = current_snapshot(), _time(at), _time(known_at)
    if kind == "grade" and when is not None:
        from reference.grade_history import grades_in_force

        _show(kind, grades_in_force(snapshot, when, known), json)
        return
    table = table_of(snapshot, kind)
    rows = [_counting(table, key, when, known) for key in table.keys()]
    _show(kind, [row for row in rows if row is not None], json)


def history(
    kind: KindArgument,
    key: Annotated[
        str, typer.Argument(help="Area of a grade (code or name), id of a site, code of a unit, …, as `list` shows it.")
    ],
    *,
    at: AtOption = None,
    known_at: KnownAtOption = None,
    json: JsonOption = False,
) -> None:
    """Show every row of one key, newest first: who said what, when and why.

    Of a grade, with the rows of the areas around it and of what they became; with --at also which row counts then, as it was
    known at --known-at (else at that time itself) and as it is known now.
    """
    snapshot, when, known = current_snapshot(), _time(at), _time(known_at)
    if kind == "grade":
        _grade_history(snapshot, key, (when, known), json)
        return
    rows = [r for r in table_of(snapshot, kind).history(key) if known is None or r.known_from <= known]
    _show(f"{kind} {key}", [row for row in rows if when is None or row.holds(when)], json)


def _grade_history(snapshot: Snapshot, area: str, times: tuple[datetime | None, datetime | None], json: bool) -> None:
    from reference.grade_history import grade_as_known, grade_history
    from reference.listed_rows import area_code

    code, (at, known_at) = area_code(area, snapshot), times
    rows = [row for row in grade_history(snapshot, code) if known_at is None or at or row.known_from <= known_at]
    if at is None:
        _show(f"grade {code}", rows, json)
        return
    known = grade_as_known(snapshot, code, at, known_at)
    if json:
        answers = {"as_then_known": _told(known.then), "as_now_known": _told(known.now)}
        told = {"area": code, "at": at, "known_at": known.known_at, **answers, "standing": known.standing}
        print_json(told | {"history": [_told(row) for row in rows]})
        return
    _show(f"grade {code}", rows, json)
    for title, row in (("as then known", known.then), ("as now known", known.now)):
        console().print(f"{title}: {f'{row.data.grade} by {row.data.area} ({row.row_id})' if row else 'none'}")


def propose(*, day: DayOption, known_at: KnownAtOption = None, json: JsonOption = False) -> None:
    """Show the grades that case counts propose, beside those decided.

    By the criteria of 17 February 2020, from the rows of kind case-count up to 24:00 of the day. Where counts are missing the
    grades they leave open are shown, and the highest is proposed. `differs` marks areas that were decided differently.
    """
    from serving.grade_view import proposals_view

    rows = proposals_view(current_snapshot(), day.date(), _time(known_at))
    if json:
        print_json(rows)
        return
    columns = ("area", "name", "proposed", "left open", "decided", "", "cases", "new in 14 days", "clusters")
    print_rows(f"Proposed for {day.date()}", columns, [_proposal(row) for row in rows])


def _proposal(row: dict[str, Any]) -> tuple[Any, ...]:
    least, most = row["new_at_least"], row["new_at_most"]
    new = most if least == most else f"{least} to {most}"
    left_open = "" if row["certain"] else " ".join(row["possible"])
    about = (row["area"], row["name"], row["proposed"] or "not counted", left_open, row["decided"])
    return *about, "differs" if row["agrees"] is False else "", row["confirmed"], new, row["clusters"]


def table_of(snapshot: Snapshot, kind: str) -> DatedTable[Any]:
    """The rows of a kind. Raises Rejected for an unknown one."""
    from reference.snapshot import TABLE_OF

    if kind not in TABLE_OF:
        raise Rejected("kind_unknown", f"There is no kind '{kind}'; there are {', '.join(TABLE_OF)}.")
    table: DatedTable[Any] = getattr(snapshot, TABLE_OF[kind])
    return table


def _counting(table: DatedTable[Any], key: str, at: datetime | None, known_at: datetime | None) -> Dated[Any] | None:
    if at is not None:
        return table.at(key, at, known_at)
    return next((row for row in table.history(key) if known_at is None or row.known_from <= known_at), None)


def _time(text: str | None) -> datetime | None:
    return instant(text) if text else None


def _told(row: Dated[Any] | None) -> dict[str, Any] | None:
    return asdict(row) | {"data": row.data.model_dump(mode="json")} if row else None


def _show(title: str, rows: list[Any], as_json: bool) -> None:
    if as_json:
        print_json([_told(row) for row in rows])
        return
    columns = ("version", "valid from", "valid to", "known from", "content", "by", "why")
    cells = [(r.offset, r.valid_from, r.valid_to or "", r.known_from, _content(r), r.author, r.reason) for r in rows]
    print_rows(title, columns, cells)


def _content(row: Any) -> str:
    shown = row.data.model_dump(mode="json", exclude={"kind", "token_sha256"}, exclude_none=True)
    text = " ".join(f"{k}={v}" for k, v in shown.items())
    return f"withdrawn: {text}" if row.withdrawn else text


def register(group: typer.Typer) -> None:
    """Adds the commands of this file."""
    then = "--at 2020-02-28T12:00:00+08:00"
    listing = examples("reference list grade", f"reference list grade {then} --json")
    group.command("list", epilog=listing)(list_rows)
    group.command(epilog=examples("reference history grade 42", f"reference history grade 武汉市武昌区 {then}"))(history)
    group.command(epilog=examples("reference propose --day 2020-02-16", "reference propose --day 2020-02-16 --json"))(propose)
