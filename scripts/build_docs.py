"""Writes `docs/reference/*.md` from the code itself; `make docs` runs it, a test compares. The tables come from a real server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import typer.main
from clickhouse_driver import Client
from pydantic.fields import FieldInfo

from arrivals.cli import EXIT_CODES, app
from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.runtime.metrics import CATALOGUE
from arrivals.runtime.settings import PREFIX, Settings
from schemas.topics import TOPICS
from sinks.describe import describe_tables, tables_page
from sinks.migrate import migrate

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
DATABASE = "arrivals"
_MADE = "Made by `make docs` from {source}; changes are overwritten."
_DAY_MS = 86_400_000
#: Limits of a number, as pydantic's metadata calls them.
_BOUNDS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))


def pages() -> dict[str, str]:
    """File name -> text of every page that needs no server."""
    return {
        "commands.md": commands_page(),
        "settings.md": settings_page(),
        "metrics.md": metrics_page(),
        "topics.md": topics_page(),
    }


def commands_page() -> str:
    """Every command with its options, from the tree that `--help` prints."""
    parts = [f"# Commands\n\n{_MADE.format(source='the command line')}\n\n{EXIT_CODES}\n"]
    for path, command in _commands(typer.main.get_command(app), "arrivals"):
        usage = " ".join([path, *(_argument(p) for p in command.params if not _flags(p))])
        parts.append(f"## {path}\n\n    {usage} [OPTIONS]\n\n{command.help.strip()}\n")
        rows = [(_flags(p) or f"`{_argument(p)}`", _about(p), _default(p)) for p in command.params if p.name != "help"]
        if rows:
            parts.append(_table(("option", "meaning", "default"), rows))
        if command.epilog:
            lines = [line.strip() for line in command.epilog.split("\n\n")]
            parts.append("\n".join([f"{lines[0]}\n", *(f"    {line}" for line in lines[1:])]) + "\n")
    return "\n".join(parts)


def settings_page() -> str:
    """Every setting with its type, default and meaning."""
    rows = [
        (f"`{PREFIX}{name.upper()}`", _type_of(field), _code(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    text = (
        f"# Settings\n\n{_MADE.format(source='`arrivals.runtime.settings`')} Read from the environment and from `.env`; an "
        f"unknown name that begins with `{PREFIX}` is refused. Secrets are files and have no default.\n"
    )
    return f"{text}\n{_table(('variable', 'type', 'default', 'meaning'), rows)}"


def metrics_page() -> str:
    """The catalogue of metrics."""
    rows = [(f"`{m.name}`", m.type, m.part, ", ".join(f"`{label}`" for label in m.labels), m.help) for m in CATALOGUE]
    text = (
        f"# Metrics\n\n{_MADE.format(source='the catalogue')} `/metrics` of every part; labels are bounded and never hold "
        "a person. Alerts on them: `deploy/alerts.yml`.\n"
    )
    return f"{text}\n{_table(('metric', 'type', 'part', 'labels', 'meaning'), rows)}"


def topics_page() -> str:
    """The table of topics."""
    rows = [
        (
            *(f"`{t.name}`", t.key, t.partitions if t.single else f"{t.partitions} × factor"),
            *("for ever" if t.retention_ms < 0 else f"{t.retention_ms // _DAY_MS} days", f"{t.max_bytes:,}", t.purpose),
        )
        for t in TOPICS
    ]
    text = (
        f"# Topics\n\n{_MADE.format(source='`schemas.topics`')} `arrivals topics` creates and verifies "
        f"exactly these; `{PREFIX}KAFKA_TOPIC_PREFIX` stands before every name, `{PREFIX}KAFKA_PARTITION_FACTOR` multiplies "
        "partitions. Shapes of the values: `schemas/versions`.\n"
    )
    return f"{text}\n{_table(('topic', 'key', 'partitions', 'kept', 'largest record (bytes)', 'holds'), rows)}"


def tables_text(client: Client, database: str) -> str:
    """The page of tables and views of a migrated database."""
    return tables_page(describe_tables(client, database))


def _commands(command: Any, path: str) -> Iterable[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        if hasattr(inner, "commands"):
            yield from _commands(inner, f"{path} {name}")
        else:
            yield f"{path} {name}", inner


def _flags(parameter: Any) -> str:
    if not parameter.opts[0].startswith("-"):
        return ""
    value = parameter.metavar or ("" if parameter.is_flag else parameter.name.upper())
    return f"`{' '.join([parameter.opts[0], value]).strip()}`"


def _argument(parameter: Any) -> str:
    name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _about(parameter: Any) -> str:
    return (parameter.help or "") + (" May be repeated." if parameter.multiple and "repeated" not in parameter.help else "")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    return "" if parameter.default in (None, "", False) else str(parameter.default)


def _type_of(field: FieldInfo) -> str:
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)] or [field.annotation]
    if get_origin(field.annotation) is not None and isinstance(kinds[0], str):
        return " or ".join(f"`{word}`" for word in kinds)
    bounds = [f"{sign} {getattr(m, word):,}" for m in field.metadata for word, sign in _BOUNDS if hasattr(m, word)]
    return ", ".join([getattr(kinds[0], "__name__", str(kinds[0])).lower(), *bounds])


def _code(value: object) -> str:
    return "" if value in (None, "") else f"`{value}`"


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")


def main() -> None:
    """Writes every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, ClickHouseServer(Path(folder)) as server:
        client = Client(server.host, port=server.native_port, user=server.user, password=server.password)
        migrate(client, DATABASE)
        written = pages() | {"tables.md": tables_text(client, DATABASE)}
        client.disconnect()
    for name, text in written.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
