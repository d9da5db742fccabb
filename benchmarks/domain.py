"""P2: what one scan costs the router's pure function, from the bytes of `scans` to the bytes of `arrivals`, on one core.

Seven in ten destinations are codes, three in ten texts that have to be unsealed and resolved. No broker, no server: the
engine around it is P1. Of each scan the fastest of several rounds counts: what it costs without what interrupted it.
"""

from __future__ import annotations

import gc
import time
from random import Random
from typing import Any

from benchmarks.scan_samples import sample_scans, sample_seal, sample_snapshot
from reference.gazetteer import load_gazetteer
from streams.process import Decided, process

SCANS, ROUNDS = 10_000, 9


def run(peers: bool = False) -> dict[str, Any]:
    """µs per scan, the mean of all, and the share that was decided. There are no peers."""
    del peers
    random, gazetteer = Random(7), load_gazetteer()
    seal, snapshot = sample_seal(random), sample_snapshot(gazetteer)
    scans = sample_scans(gazetteer, seal, random, SCANS)

    def unseal(_key_id: str, sealed: str, event_id: str) -> bytes:
        return seal.open(sealed, event_id)

    best = [float("inf")] * len(scans)
    gc.disable()
    for _ in range(ROUNDS):
        outcomes = []
        for i, scan in enumerate(scans):
            begun = time.perf_counter()
            outcomes.append(process(scan, snapshot, unseal))
            best[i] = min(best[i], time.perf_counter() - begun)
    gc.enable()
    decided = sum(isinstance(outcome, Decided) for outcome in outcomes)
    return {"scans": SCANS, "us_per_scan": round(sum(best) / SCANS * 1e6, 1), "decided": decided / SCANS, "target_us": 25}
