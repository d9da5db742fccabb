"""`arrivals resolve`, `simulate`, `import`, `bench`: what brings data in, or takes text apart."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from arrivals.cli.helping import BRING, LOOK, OPERATE, examples
from arrivals.cli.output import (
    DayOption,
    GatewayOption,
    JsonOption,
    TokenFileOption,
    console,
    notes,
    print_json,
    print_mapping,
    token_of,
)
from arrivals.runtime.settings import load_settings
from schemas.base import LOCAL
from schemas.errors import Misconfigured

if TYPE_CHECKING:
    from producers.importer.import_file import Target
    from producers.importer.rows import ImportContext

TIMES = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]


def resolve() -> None:
    """Read addresses as lines, print the place of each as a JSON line.

    From standard input (UTF-8; other bytes become U+FFFD) to standard output, one object for every line, empty ones too: text,
    status, county_code, street_code, village_code, unit, score, candidates. Each answer is written before the next line is read.
    """
    from reference.gazetteer import load_gazetteer
    from reference.resolver import Resolver, resolve_lines

    resolver = Resolver(load_gazetteer())
    out = sys.stdout.buffer
    for answer in resolve_lines(resolver, (line.decode("utf-8", "replace") for line in sys.stdin.buffer)):
        out.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
        out.flush()


def simulate(
    *,
    day: DayOption = datetime(2020, 2, 18),
    rate: Annotated[int, typer.Option(min=1, help="Scans posted per second.")] = 200,
    people: Annotated[int, typer.Option(min=1, help="Number of travellers of the day.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 7,
    history: Annotated[Path | None, typer.Option(help="File for what was posted and answered, a JSON line each.")] = None,
    json: JsonOption = False,
) -> None:
    """Play a seeded day of realistic traffic through the gateway.

    All people are invented. Needs a running stack of the embedded mode (`arrivals up`), which has the sites' tokens.
    """
    from arrivals.demo.day import play_day

    summary = play_day(load_settings(), day=day.date(), rate=rate, people=people, seed=seed, history=history)
    if json:
        print_json(summary.as_dict())
    else:
        print_mapping("Simulated day", summary.as_dict())
    if summary.unconfirmed:
        notes().print(f"{summary.unconfirmed} scans got no answer; play the same day again to post them.")
        raise typer.Exit(1)


def import_file(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="CSV (UTF-8 or GBK) or XLSX, with a line of headings.")],
    *,
    kind: Annotated[str, typer.Option(help="rail-manifest, coach-manifest, checkpoint or checkins.")],
    site: Annotated[
        str, typer.Option(help="The site the people arrived at, such as ST-SQF; of check-ins the county, unit or enterprise.")
    ] = "",
    at: Annotated[
        datetime | None,
        typer.Option(formats=TIMES, metavar="YYYY-MM-DDTHH:MM", help="Time of rows without one, local time."),
    ] = None,
    batch: Annotated[str, typer.Option(help="Your name for this delivery; another name imports equal rows anew.")] = "",
    gateway: GatewayOption = "",
    token_file: TokenFileOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, post nothing.")] = False,
    template: Annotated[bool, typer.Option("--template", help="Write an empty form to FILE instead.")] = False,
    json: JsonOption = False,
) -> None:
    """Import a spreadsheet of people.

    Rows go through the gateway like scans; importing a file again is safe, what was taken before is answered as duplicate.
    Wrong rows go to FILE.rejected.csv with the reason and what to do; corrected there, that file is imported in the same way.
    Exit code 1 when rows were rejected.
    """
    from producers.importer.columns import known_kind
    from producers.importer.rows import ImportContext
    from producers.importer.template import write_template

    if template:
        return write_template(file, known_kind(kind))
    if not site:
        raise Misconfigured(
            "site_missing", "No site was given.", "Say with --site where the people arrived, or who reports the check-ins."
        )
    context = ImportContext(known_kind(kind), site, batch, at.replace(tzinfo=LOCAL) if at else None)
    return _import(file, context, None if dry_run else _target(site, gateway, token_file), json=json)


def _target(site: str, gateway: str, token_file: Path | None) -> Target:
    from arrivals.demo.day import gateway_url
    from producers.importer.import_file import Target

    settings = load_settings()
    return Target(gateway or gateway_url(settings), token_of(settings, site, token_file))


def _import(file: Path, context: ImportContext, target: Target | None, *, json: bool) -> None:
    from producers.importer.import_file import import_file as import_list

    report = import_list(file, context, target)
    if json:
        print_json(report.as_dict())
    else:
        print_mapping(f"Import of {file.name}", report.as_dict())
    if report.rejected:
        notes().print(f"Wrong rows are in {report.rejected_file}; correct them and import that file.")
        raise typer.Exit(1)


BENCHMARKS = ("router", "sink", "gateway", "latency", "resolver", "domain", "reflag", "contacts", "page")


def bench(
    name: Annotated[str | None, typer.Argument(help=f"One of {', '.join(BENCHMARKS)}; all when left out.")] = None,
    *,
    peers: Annotated[bool, typer.Option("--peers", help="Run the peers in the same run (needs `make bench` once).")] = False,
    json: JsonOption = False,
) -> None:
    """Run the benchmarks of docs/benchmarks.md on this machine.

    In a checkout only; takes minutes and wants a quiet machine.
    """
    try:
        from benchmarks.runner import run_benchmark
    except ModuleNotFoundError:
        raise Misconfigured("no_benchmarks", "The benchmarks are not installed.", "Run this in a checkout.") from None
    results = {chosen: run_benchmark(chosen, peers=peers) for chosen in ([name] if name else BENCHMARKS)}
    if json:
        print_json(results)
    else:
        for chosen, result in results.items():
            print_mapping(f"{chosen}, {date.today()}", result)
        console().print("Ratios are taken in one run; absolute figures are this machine's.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command(rich_help_panel=LOOK, epilog=examples("resolve < addresses.txt"))(resolve)
    app.command(rich_help_panel=BRING, epilog=examples("simulate --people 2000 --rate 300"))(simulate)
    app.command(
        "import",
        rich_help_panel=BRING,
        epilog=examples(
            "import form.xlsx --kind rail-manifest --template",
            "import k1234.csv --kind rail-manifest --site ST-SQF --at 2020-02-18T08:30",
            "import list.xlsx --kind checkpoint --site CP-411426-01 --dry-run",
            "import factory.xlsx --kind checkins --site 411426",
        ),
    )(import_file)
    app.command(rich_help_panel=OPERATE, epilog=examples("bench router", "bench sink --json"))(bench)
