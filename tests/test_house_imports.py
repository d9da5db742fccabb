"""Importing does nothing: no socket, process, thread or file is opened and no setting is read; names are our own."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.house import NAMED_LIKE_OTHERS, PACKAGES, ROOT, modules

FORBIDDEN_EVENTS = (
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto", "urllib.Request"),
    *("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork"),
    *("os.mkdir", "os.remove", "os.rename", "shutil.rmtree", "tempfile.mkstemp", "tempfile.mkdtemp"),
)
IMPORT_ALL = f"""
import _thread, importlib, sys, threading

sys.dont_write_bytecode = True
sys.path.insert(0, {str(ROOT)!r})

def refuse(event, arguments):
    if event in {FORBIDDEN_EVENTS!r}:
        raise RuntimeError(f"{{event}} {{arguments}} while importing {{now}}")

def refuse_thread(*arguments, **named):
    raise RuntimeError(f"a thread {{arguments}} while importing {{now}}")

sys.addaudithook(refuse)
for module, name in ((_thread, "start_new_thread"), (threading, "_start_new_thread"), (threading, "_start_joinable_thread")):
    setattr(module, name, refuse_thread)
for now in sys.argv[1:]:
    importlib.import_module(now)
    assert (sys.modules[now].__file__ or "").startswith({str(ROOT)!r}), now
"""


def import_all(names: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Imports modules one after the other in a fresh process with an empty environment, where anything but reading is refused."""
    return subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], env={}, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def test_every_module_imports_quietly_with_an_empty_environment(tmp_path: Path) -> None:
    done = import_all([name for name, _ in modules()], tmp_path)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "line",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import threading; threading.Thread(target=print).start()",
        "import subprocess; subprocess.run(['true'])",
        "import tempfile; tempfile.mkdtemp()",
    ],
)
def test_a_module_that_does_something_is_caught(line: str, tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(line, "utf-8")
    done = import_all(["busy"], tmp_path)
    assert done.returncode != 0
    assert "while importing busy" in done.stderr


def readers_of_settings(source: str) -> Iterator[int]:
    """Lines outside of functions that look at the environment or the arguments of the program."""
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "argv"):
            yield node.lineno
        waiting += ast.iter_child_nodes(node)


def test_no_module_reads_the_environment_when_imported() -> None:
    found = {name: lines for name, path in modules() if (lines := list(readers_of_settings(path.read_text("utf-8"))))}
    assert found == {}


def test_a_module_that_reads_the_environment_is_caught() -> None:
    assert list(readers_of_settings("import os\nHOME = os.environ['HOME']")) == [2]
    assert list(readers_of_settings("import os\ndef home():\n    return os.environ['HOME']")) == []


def test_our_packages_are_the_ones_that_are_found(tmp_path: Path) -> None:
    script = f"import {', '.join(PACKAGES)}; print(*[m.__file__ for m in ({', '.join(PACKAGES)})], sep='\\n')"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(ROOT / package / "__init__.py") for package in PACKAGES]


def test_no_module_is_named_like_a_dependency_or_the_standard_library() -> None:
    taken = (sys.stdlib_module_names | packages_distributions().keys()) - {*PACKAGES, "__main__"}
    found = {name for name, _ in modules() if name.rpartition(".")[2] in taken}
    assert found == set(NAMED_LIKE_OTHERS)


def test_no_folder_of_tests_carries_the_name_of_a_package() -> None:
    assert [path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name in PACKAGES] == []
