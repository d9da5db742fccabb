"""A batch engine in a process of its own, for tests that kill it.

    python engine_worker.py '{"bootstrap": …, "group": …, "source": …, "target": …, "die": [POINT, NUMBER]}'

POINT is where the process kills itself, at its NUMBER-th batch: `step` (before anything is produced), `produced` (outputs
are on the brokers, not acknowledged), `acknowledged` (not yet committed), `poison` (the step raises), or null.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from streams.batch_engine import BatchEngine, BatchReport, EngineSettings
from streams.batch_records import Batch


def die_at(wanted: tuple[str, int] | None, point: str, number: int) -> None:
    """Kill this process outright when it is told to die here."""
    if wanted == (point, number):
        if point == "poison":
            raise ValueError("poison")
        os.kill(os.getpid(), signal.SIGKILL)


class MortalEngine(BatchEngine):
    """Dies between a batch's delivery and its commit when told so."""

    def __init__(self, settings: EngineSettings, target: str, die: tuple[str, int] | None) -> None:
        super().__init__(settings, self.copy)
        self.target, self.die = target, die
        self.steps, self.finished = count(1), count(1)

    def copy(self, batch: Batch) -> list[Any]:
        """Every record once, its origin in the headers."""
        number = next(self.steps)
        die_at(self.die, "step", number)
        die_at(self.die, "poison", number)
        return [
            (self.target, record.key, record.value, [("from", b"%d:%d" % (batch.partition, record.offset))])
            for record in batch.records
        ]

    def _finish(self, message: Any, report: BatchReport) -> None:
        number = next(self.finished)
        die_at(self.die, "produced", number)
        super()._finish(message, report)
        die_at(self.die, "acknowledged", number)


def main() -> None:
    """Run until told to stop, or to die."""
    told = json.loads(sys.argv[1])
    settings = EngineSettings(told["group"], told["bootstrap"], told["source"], **told.get("settings", {}))
    die = told.get("die")
    MortalEngine(settings, told["target"], tuple(die) if die else None).run()


if __name__ == "__main__":
    main()
