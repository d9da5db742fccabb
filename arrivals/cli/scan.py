"""`arrivals scan`: a USB QR gun at a barrier, which types like a keyboard."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import orjson
import typer
from pydantic import TypeAdapter, ValidationError

from arrivals.cli.helping import BRING, examples
from arrivals.cli.output import GatewayOption, JsonOption, TokenFileOption, console, notes, token_of
from arrivals.runtime.settings import load_settings
from producers.payloads import LONGEST_LINE
from schemas.base import Identifier
from schemas.errors import Misconfigured

if TYPE_CHECKING:
    from producers.scanning import Scanning, Told

#: What a guard reads, Chinese first.
_WORDS = {
    "accepted": "[green]✓[/] 已接收 accepted",
    "duplicate": "[yellow]=[/] 重复 duplicate",
    "rejected": "[bold red]✗[/] 未接收 rejected",
    "queued": "[yellow]…[/] 已保存,待上传 queued",
    "unsaved": "[bold red]✗ 未保存 NOT SAVED[/]",
    "away": "[bold red]![/] 网关不可达 gateway away",
    "refused": "[bold red]![/] 网关拒绝 gateway refuses",
}
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


def scan(
    *,
    site: Annotated[str, typer.Option(help="The site the gun stands at, such as CP-411426-01.")],
    gateway: GatewayOption = "",
    token_file: TokenFileOption = None,
    outbox: Annotated[
        Path | None, typer.Option(help="File of waiting scans; DATA_DIR/outbox/scan-SITE.sqlite when left out.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Read QR codes as lines from standard input (a USB gun is a keyboard) and post them.

    A code holds one scan as JSON, with the fields of POST /v1/scans; event_id, site_id, sequence, occurred_at and version
    are filled in where they are missing. Every scan is kept in the outbox until the gateway has answered it: while the gateway
    is away scanning goes on, and what waits is posted when it is back or at the next start. A line that is no scan is kept
    in SITE's file of rejected lines beside the outbox and never shown. Ends with the input or Ctrl-C; exit code 1 when a scan
    was rejected or still waits.
    """
    from arrivals.demo.day import gateway_url
    from producers.outbox import Outbox
    from producers.scanning import Post, Scanning

    settings = load_settings()
    path = outbox or settings.data_dir / "outbox" / f"scan-{_checked(site)}.sqlite"
    post = Post(gateway or gateway_url(settings), token_of(settings, site, token_file))
    with Outbox(path) as box, _alone(path):
        if earlier := box.waiting():
            notes().print(f"上次未上传 {earlier} 条 ({earlier} scans of an earlier run wait)")
        scanning = Scanning(box, path.with_suffix(".rejected"), site, post, _teller(json=json))
        waiting = scanning.run(_lines(sys.stdin.buffer))
        counts = scanning.counts
    _sum_up(scanning, waiting, path)
    if waiting or counts["rejected"] or counts["unsaved"]:
        raise typer.Exit(1)


def line_of(told: Told) -> str:
    """One line for the guard; values of the scan never stand in it."""
    number = f" #{told.sequence}" if told.sequence is not None else ""
    why = ";".join(f"{r.field + ': ' if r.field else ''}{r.message_zh} ({r.message})" for r in told.reasons)
    flags = f" [yellow]请核对 check: {', '.join(told.flags)}[/]" if told.flags else ""
    left = f" · 待上传 {told.waiting} waiting" if told.status in ("queued", "away", "refused") else ""
    return f"{_WORDS[told.status]}{number}{': ' + why if why else ''}{flags}{left}"


def json_of(told: Told) -> bytes:
    """The same for a program: one JSON object per line, reasons as field and code."""
    reasons = [{"field": r.field, "code": r.code} for r in told.reasons]
    values = {"status": told.status, "sequence": told.sequence, "event_id": told.event_id, "waiting": told.waiting}
    return orjson.dumps(values | {"flags": told.flags, "reasons": reasons}) + b"\n"


def _teller(*, json: bool) -> Callable[[Told], None]:
    screen = console()

    def tell(told: Told) -> None:
        if json:
            sys.stdout.buffer.write(json_of(told))
            sys.stdout.buffer.flush()
        else:
            screen.print(line_of(told), soft_wrap=True)

    return tell


def _sum_up(scanning: Scanning, waiting: int, path: Path) -> None:
    counts = scanning.counts
    notes().print(
        f"已接收 {counts['accepted']} accepted · 重复 {counts['duplicate']} duplicate · "
        f"未接收 {counts['rejected']} rejected · 待上传 {waiting} waiting",
        soft_wrap=True,
    )
    if waiting:
        notes().print(f"{waiting} scans wait in {path}; start `arrivals scan` again when the gateway is back.", soft_wrap=True)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines of bounded length; what is longer is no scan, and comes in pieces."""
    while line := stream.readline(LONGEST_LINE + 1):
        yield line


def _checked(site: str) -> str:
    try:
        return _IDENTIFIER.validate_python(site)
    except ValidationError:
        raise Misconfigured("site_invalid", "--site is no name of a site.", "Write it as CP-411426-01.") from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process per outbox. Raises Misconfigured for a second one."""
    with path.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            advice = "Use its window, or give this one another --outbox."
            raise Misconfigured("outbox_in_use", f"Another `arrivals scan` uses {path}.", advice) from None
        yield


def register(app: typer.Typer) -> None:
    """Adds the command of this file."""
    app.command(rich_help_panel=BRING, epilog=examples("scan --site CP-411426-01"))(scan)
