"""The pure modules take time, chance and surroundings from nobody: what they answer depends on what they are given."""

from __future__ import annotations

import ast
from fnmatch import fnmatch

import pytest

from tests.house import PURE, is_pure, modules

FORBIDDEN_MODULES = {
    *(
        "time",
        "random",
        "secrets",
        "os",
        "sys",
        "socket",
        "ssl",
        "threading",
        "asyncio",
        "subprocess",
        "multiprocessing",
        "logging",
    ),
    *("signal", "select", "http", "urllib", "tempfile", "shutil", "getpass", "platform", "concurrent", "contextvars"),
    *(
        "aiokafka",
        "chdb",
        "clickhouse_driver",
        "fastapi",
        "faust",
        "granian",
        "httpx",
        "kafka",
        "mode",
        "prometheus_client",
        "requests",
    ),
    *("starlette", "structlog", "typer", "uvloop", "rich", "pydantic_settings"),
}
FORBIDDEN_ATTRIBUTES = {
    "now",
    "utcnow",
    "today",
    "environ",
    "getenv",
    "urandom",
    "uuid1",
    "uuid4",
    "uuid7",
    "token_bytes",
    "monotonic",
}
FORBIDDEN_NAMES = {"open", "print", "input", "exec", "eval", "uuid1", "uuid4", "uuid7", "localtime"}


def impurities(source: str) -> list[str]:
    """What in a module's text is not pure, with line numbers."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names if _forbidden(alias.name)]
        elif isinstance(node, ast.ImportFrom) and _forbidden(node.module or ""):
            found.append((node.lineno, node.module or ""))
        elif isinstance(node, ast.Call) and _called(node.func) in FORBIDDEN_NAMES | FORBIDDEN_ATTRIBUTES:
            found.append((node.lineno, f"{_called(node.func)}()"))
        elif isinstance(node, ast.Attribute) and node.attr == "environ":
            found.append((node.lineno, "environ"))
    return [f"line {line}: {what}" for line, what in sorted(found)]


def _forbidden(module: str) -> bool:
    return module != "os.path" and module.partition(".")[0] in FORBIDDEN_MODULES


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) and function.attr in FORBIDDEN_ATTRIBUTES else ""


PURE_MODULES = {name: path for name, path in modules() if is_pure(name)}


@pytest.mark.parametrize("name", PURE_MODULES)
def test_a_pure_module_has_no_clock_no_chance_and_no_surroundings(name: str) -> None:
    assert impurities(PURE_MODULES[name].read_text("utf-8")) == []


@pytest.mark.parametrize("pattern", PURE)
def test_every_pattern_still_names_something(pattern: str) -> None:
    assert any(fnmatch(name, pattern) for name in PURE_MODULES)


@pytest.mark.parametrize(
    "sample",
    [
        "import time",
        "from time import monotonic",
        "import os",
        "from os import path",
        "from random import choice",
        "from kafka import KafkaProducer",
        "import clickhouse_driver.client",
        "from datetime import datetime\nx = datetime.now()",
        "from datetime import date\nx = date.today()",
        "from uuid import uuid4\nx = uuid4()",
        "import uuid\nx = uuid.uuid4()",
        "x = open('f')",
        "def inner():\n    import socket",
        "def f(environment):\n    return environment.environ['HOME']",
    ],
)
def test_a_bad_sample_is_caught(sample: str) -> None:
    assert impurities(sample)


GOOD = """
from datetime import datetime
from os.path import commonprefix

def day(at: datetime) -> str:
    return at.date().isoformat()
"""


def test_a_good_sample_passes() -> None:
    assert impurities(GOOD) == []
