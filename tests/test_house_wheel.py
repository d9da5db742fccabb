"""The wheel holds our packages with their data, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.house import PACKAGES, ROOT, modules


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = Path(folder).glob("*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_our_packages_only(members: set[str]) -> None:
    tops = {name.partition("/")[0] for name in members}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in members if "__pycache__" in name or name.endswith((".log", ".pyc"))]


def test_the_wheel_holds_every_module_and_the_data_it_reads(members: set[str]) -> None:
    assert {str(path.relative_to(ROOT)) for _, path in modules()} <= members
    assert "arrivals/embedded/kafka/jars.lock" in members
    for part in ("reference/data/", "sinks/migrations/", "serving/static/", "schemas/examples/"):
        assert [name for name in members if name.startswith(part)], part
