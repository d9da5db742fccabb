"""`arrivals demo`: the stack, the sample day, the reconciliation, the summary."""

from __future__ import annotations

import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from arrivals.demo.day import login_link, play_checkins, play_day
from arrivals.demo.seed_accounts import ACCOUNTS_FILE
from arrivals.demo.stack import embedded_stack, wait_for_end
from arrivals.demo.story import DaySummary, count_day, first_arrival_seconds, wait_until_settled
from arrivals.runtime.settings import Settings
from reference.gazetteer import load_gazetteer

_PATIENCE_SECONDS = 120.0


def run_demo(
    settings: Settings, *, leave: bool, day: date, rate: int, people: int, seed: int, history: Path | None
) -> DaySummary:
    """Runs the demonstration; with `leave` it ends after the summary, otherwise it stays until Ctrl-C."""
    console = Console(highlight=False)
    begun = time.monotonic()
    with embedded_stack(settings, console):
        secrets = settings.data_dir / "secrets"
        console.print(f"Console: [bold]{login_link(settings)}[/]  (opens once)")
        console.print(f"Accounts and their passwords: {secrets / ACCOUNTS_FILE} · access codes: {secrets / 'tokens.json'}")
        first = _watch_first_arrival(settings, begun)
        play_checkins(settings, day, seed)
        posted = play_day(settings, day=day, rate=rate, people=people, seed=seed, history=history)
        with console.status("storing the last arrivals") as status:
            report = wait_until_settled(settings, _PATIENCE_SECONDS, status.update)
        gazetteer = load_gazetteer()
        counts = count_day(settings, lambda code: gazetteer.area_name(code) or code)
        summary = DaySummary(posts=posted.as_dict(), audit=report, first_arrival_seconds=first(), **counts)
        show(summary, console)
        if not leave:
            console.print(f"The console stays open on http://{settings.api_host}:{settings.api_port} · Ctrl-C stops everything")
            wait_for_end()
    return summary


def _watch_first_arrival(settings: Settings, begun: float) -> Any:
    seen: list[float] = []

    def watch() -> None:
        if first_arrival_seconds(settings):
            seen.append(round(time.monotonic() - begun, 1))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return lambda: seen[0] if seen else None


def show(summary: DaySummary, console: Console) -> None:
    """Prints the summary a newcomer reads."""
    for title, counts in summary.tables().items():
        if not counts:
            console.print(f"{title}: none")
            continue
        table = Table("", "", title=title, title_justify="left", show_header=False)
        for name, count in counts.items():
            table.add_row(str(name), str(count))
        console.print(table)
    if summary.first_arrival_seconds is not None:
        console.print(f"First arrival visible {summary.first_arrival_seconds} s after the start.")
    verdict = "[green]every scan is accounted for[/]" if summary.exact else "[bold red]the audit is off[/]"
    console.print(f"Audit: {verdict}")
