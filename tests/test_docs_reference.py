"""The pages of `docs/reference` are what `make docs` would write now, and texts that point at pages point at real ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.runtime.settings import PREFIX, Settings
from scripts.build_docs import FOLDER, pages, tables_text
from sinks.migrate import migrate
from tests.clickhouse_kit import plain_client
from tests.house import ROOT, modules

PAGES = pages()
DATABASE = "docs_reference"


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text("utf-8") == PAGES[name], "run: make docs"


def test_the_page_of_tables_is_current(clickhouse_server: ClickHouseServer) -> None:
    client = plain_client(clickhouse_server)
    try:
        migrate(client, DATABASE)
        text = tables_text(client, DATABASE)
    finally:
        client.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        client.disconnect()
    assert (FOLDER / "tables.md").read_text("utf-8") == text, "run: make docs"


def test_pages_name_everything() -> None:
    assert [name for name in Settings.model_fields if f"`{PREFIX}{name.upper()}`" not in PAGES["settings.md"]] == []
    for command in ("arrivals scan", "arrivals reference add-grade", "arrivals dead-letters replay"):
        assert f"## {command}\n" in PAGES["commands.md"]
    documented = re.findall(r"^## (.+)$", PAGES["commands.md"], re.MULTILINE)
    assert len(documented) == len(set(documented))


def test_every_option_and_command_says_what_it_is() -> None:
    empty = [line for line in PAGES["commands.md"].splitlines() if re.match(r"\| `[^|]+ \|  \|", line)]
    assert empty == []


def test_pages_and_texts_point_at_files_there_are() -> None:
    files = [*(path for _, path in modules()), *ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    missing: list[tuple[str, str]] = []
    for file in files:
        text = file.read_text("utf-8")
        missing += [(file.name, m) for m in re.findall(r"\b(docs/[\w/-]+\.md)\b", text) if not (ROOT / m).exists()]
        if file.suffix == ".md":
            links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
            missing += [(file.name, link) for link in links if not (file.parent / Path(link)).exists()]
    assert missing == []


def test_promises_name_tests_there_are() -> None:
    text = (ROOT / "docs/promises.md").read_text("utf-8")
    named = re.findall(r"`(tests/\w+\.py)::(\w+)`", text)
    assert [name for name in named if f"def {name[1]}(" not in (ROOT / name[0]).read_text("utf-8")] == []
    assert re.findall(r"^\| (G\d+) \|", text, re.MULTILINE) == [f"G{number}" for number in range(1, 13)]
    assert len(named) > 20


def test_the_runbooks_know_the_codes_that_point_at_them() -> None:
    text = (ROOT / "docs/runbooks.md").read_text("utf-8")
    sources = [path.read_text("utf-8") for _, path in modules()]
    headings = {code for line in re.findall(r"^## (.+)$", text, re.MULTILINE) for code in line.split(", ")}
    assert [code for code in headings if not any(f'"{code}"' in source for source in sources)] == []
    pointing = re.findall(r'Misconfigured\(\s*"(\w+)",[^)]*?docs/runbooks', "\n".join(sources))
    assert pointing
    assert set(pointing) <= headings
