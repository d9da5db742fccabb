"""What the house tests look at: our packages, which of their modules are pure, and the exceptions with their reasons."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("schemas", "reference", "streams", "sinks", "serving", "producers", "arrivals")

PURE = (
    "schemas.*",
    "reference.*",
    *(
        "streams.process",
        "streams.locate",
        "streams.assess",
        "streams.assign",
        "streams.case",
        "streams.rules",
        "streams.rules.*",
        "streams.corrections",
        "streams.recalling",
        "streams.affected",
        "streams.pass_uses",
    ),
    *("streams.batch_records", "streams.offset_ledger"),
    "producers.payloads",
    *("sinks.webhooks.messages", "sinks.webhooks.schedule", "sinks.webhooks.signing", "sinks.webhooks.endpoints"),
    *("sinks.ranges", "sinks.columns", "sinks.record_types", "sinks.feeds", "sinks.tables"),
    *("serving.access", "serving.queries", "serving.positions", "serving.parameters"),
    "serving.grade_view",
    *("serving.explanation", "serving.explanation_text", "serving.reasons", "serving.versions", "serving.changes"),
    *("serving.contact_ties", "serving.contact_search", "serving.contact_list", "serving.contact_view", "serving.contact_tasks"),
    *("serving.moves", "serving.roster"),
    *("serving.duties", "serving.duties.*"),
)
"""Modules without client, framework, clock, randomness and environment: patterns of module names."""

MANY_PARAMETERS = {
    "reference.rows.make_row": "one per column of a reference row",
    "arrivals.cli.accounts.add": "one per option of the command",
    "arrivals.cli.demo.demo": "one per option of the command",
    "arrivals.cli.data.import_file": "one per option of the command",
    "arrivals.demo.run.run_demo": "the options of the command",
    "arrivals.cli.correct.correct": "one per option of the command",
    "arrivals.cli.reference.add_grade": "one per option of the command",
    "arrivals.cli.replay.replay": "one per option of the command",
}

LONG_FUNCTIONS = {
    "serving.routes_analyst.router": "a list of routes; each is a short function",
    "serving.routes_console.router": "a list of routes; each is a short function",
    "streams.process._arrival": "one line per field of an arrival",
}

LONG_MODULES: dict[str, str] = {}

NAMED_LIKE_OTHERS = {"arrivals.embedded.kafka": "it is Kafka; a subpackage two levels down, from whose folder nothing is run"}

BROAD_HANDLERS: dict[str, str] = {
    "streams.deciding.Deciding._outcome": "a poison record becomes a dead letter; a breaker stops a broken program",
}
"""Functions that may catch `Exception`: two at most in the whole product."""


def modules() -> Iterator[tuple[str, Path]]:
    """Name and file of every module of the product."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def is_pure(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in PURE)


def functions(path: Path, module: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Dotted name and syntax tree of every function in a file, methods and inner functions included."""
    yield from _functions(ast.parse(path.read_text("utf-8")), module)


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        name = prefix
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{prefix}.{child.name}"
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, child
        yield from _functions(child, name)


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many a caller may give."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len(named) - (bool(named) and named[0].arg in ("self", "cls"))
