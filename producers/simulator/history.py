"""What the clients posted and what they were answered, one JSON line per scan: the checker's first input. It holds no person.

`digest` is blake2b-8 over the scan's bytes as posted; `truth` and `way` serve accuracy reports of the resolver.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import orjson

from producers.client import ScanAnswer
from producers.simulator.posts import PlannedScan
from schemas.base import format_instant


class History:
    """Appends to the file; a second run of the same day adds its own lines. Written out when closed or every few hundred
    lines.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: IO[bytes] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")

    def write(self, at: datetime, site_id: str, scan: PlannedScan, status: str, answer: ScanAnswer | None) -> None:
        """One line for one scan; `status` is the answer's, or `unconfirmed` where none came."""
        if self._file is None:
            return
        line = {
            "event_id": scan.event_id,
            "site_id": site_id,
            "kind": scan.kind,
            "at": format_instant(at),
            "digest": hashlib.blake2b(scan.body, digest_size=8).hexdigest(),
            "status": status,
            "reasons": [reason.code for reason in answer.reasons] if answer else [],
            "truth": scan.truth,
            "way": scan.way,
        }
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
