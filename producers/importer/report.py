"""What an import came to: counts by answer and by reason. Holds no person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from producers.importer.columns import Kind


@dataclass(slots=True)
class ImportReport:
    """Counts of one file; `valid` rows of a dry run would have been posted. Of a rejected row the first reason is counted."""

    path: Path
    kind: Kind
    found_as: str = ""
    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    skipped: int = 0
    valid: int = 0
    dry_run: bool = False
    reasons: Counter[str] = field(default_factory=Counter)
    rejected_file: Path | None = None
    elapsed_seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "file": str(self.path),
            "kind": self.kind,
            "found_as": self.found_as,
            "dry_run": self.dry_run,
            "rows": self.rows,
            "valid": self.valid,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "skipped": self.skipped,
            "reasons": dict(self.reasons.most_common()),
            "rejected_file": str(self.rejected_file) if self.rejected_file else None,
            "elapsed_seconds": round(self.elapsed_seconds, 3),
        }
