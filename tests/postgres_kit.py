"""A PostgreSQL of the test run's own: a fresh cluster in a temporary folder, started as a user who is not root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Where Debian keeps the programs of each version.
_DEBIAN = Path("/usr/lib/postgresql")
_QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses=''"


def programs() -> Path | None:
    """The folder of the newest installed version; None where there is none."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def user() -> str | None:
    """As whom to run it: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    return next((entry.pw_name for entry in pwd.getpwall() if entry.pw_name == "postgres"), None)


def missing() -> str:
    """Why there is no PostgreSQL for tests; empty when there is one."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian: postgresql)"
    return "" if user() else "there is no user but root to run PostgreSQL as"


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a running cluster without databases of ours, reached over a socket in its own folder."""
    folder, name, binaries = Path(tempfile.mkdtemp(prefix="arrivals-pg-")), user(), programs()
    assert name is not None
    assert binaries is not None
    shutil.chown(folder, name)
    as_user = name if os.geteuid() == 0 else None

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, user=as_user, cwd=folder, check=True, capture_output=True, timeout=60)

    try:
        run("initdb", "-U", "arrivals", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", f"-k {folder} {_QUICK}", "start")
        try:
            yield f"postgresql+psycopg://arrivals@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
