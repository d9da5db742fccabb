"""P3: addresses per second and their accuracy by class; cpca and jionlp read the same lines in the same run.

The corpora are those of the tests: about 3,700 generated lines (seeded) and the hand-written ones. The resolver keeps
no cache, so no line is
helped by an earlier one. Peers know counties at best (jionlp townships and villages), so they are compared at the
county: a line counts as
right when the county it tells is named, a line that tells none when no county of Shangqiu is named.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpus.generate import Line, generate
from benchmarks.corpus.habits import habits
from benchmarks.corpus.handwritten import handwritten
from benchmarks.corpus.judge import Tally, judge, report, told
from reference.gazetteer import load_gazetteer
from reference.resolution import Resolution
from reference.resolver import Resolver

PEERS = Path(__file__).parent / "peers" / "resolver_peers.py"
INTERPRETER = Path(__file__).parent.parent / ".venv-peers" / "bin" / "python"
#: How often the whole corpus is read; the fastest round counts, as the slower ones measured the machine's other work.
ROUNDS = 9
COUNTY = 6


def run(peers: bool) -> dict[str, Any]:
    """Lines per second, p50 and p99 in µs, accuracy by class; with `peers` theirs too."""
    gazetteer = load_gazetteer()
    resolver = Resolver(gazetteer)
    lines = [*generate(gazetteer), *habits(gazetteer), *handwritten(gazetteer)]
    answers = [resolver.resolve(line.text) for line in lines]
    tallies = judge(zip(lines, answers, strict=True))
    result: dict[str, Any] = {"lines": len(lines)} | speed(resolver, [line.text for line in lines]) | totals(tallies)
    result["right_by_class"] = {kind: round(t.right / t.lines, 4) for kind, t in sorted(tallies.items())}
    counties = {"resolver": [a.county_code if a.status != "outside" else None for a in answers]}
    if peers:
        for name, measured in ask_peers([line.text for line in lines]).items():
            counties[name] = measured.pop("counties")
            result[name] = measured
    result["county_by_class"] = county_shares(lines, counties)
    return result


def speed(resolver: Resolver, texts: Sequence[str]) -> dict[str, float]:
    """Lines per second and the time of single lines, in the fastest of several rounds on one core."""
    rounds = []
    gc.disable()
    for _ in range(ROUNDS):
        took = []
        begun = time.perf_counter()
        for text in texts:
            start = time.perf_counter()
            resolver.resolve(text)
            took.append(time.perf_counter() - start)
        rounds.append((time.perf_counter() - begun, took))
    gc.enable()
    # The times of one line are each the least of all rounds: what the line costs, without what interrupted it.
    each = [min(times) * 1e6 for times in zip(*(took for _, took in rounds), strict=True)]
    bulk = min(_bulk(resolver, texts) for _ in range(ROUNDS))
    return {
        "lines_per_second": round(len(texts) / bulk),
        "p50_us": round(statistics.median(each), 1),
        "p99_us": round(statistics.quantiles(each, n=100)[98], 1),
    }


def _bulk(resolver: Resolver, texts: Sequence[str]) -> float:
    begun = time.perf_counter()
    resolver.resolve_many(texts)
    return time.perf_counter() - begun


def totals(tallies: dict[str, Tally]) -> dict[str, float]:
    """Shares of what the texts tell that was found, and of answers that were wrong and firm."""
    sums = {
        level: sum(t.found[level] for t in tallies.values()) / max(1, sum(t.held[level] for t in tallies.values()))
        for level in ("county", "township", "village")
    }
    wrong = sum(t.confident_wrong for t in tallies.values()) / sum(t.lines for t in tallies.values())
    return {f"{level}_right": round(share, 5) for level, share in sums.items()} | {"confident_wrong": round(wrong, 5)}


def county_shares(lines: Sequence[Line], counties: dict[str, list[str | None]]) -> dict[str, dict[str, float]]:
    """class -> system -> share of lines whose county was right; naming no county is right where the text tells none."""
    right: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for name, found in counties.items():
        for line, county in zip(lines, found, strict=True):
            true = told(line)[:COUNTY] if len(told(line)) >= COUNTY else None
            right[line.kind][name].append(county == true)
    return {
        kind: {name: round(sum(marks) / len(marks), 4) for name, marks in systems.items()}
        for kind, systems in sorted(right.items())
    }


def ask_peers(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What cpca and jionlp make of the same lines, in their own interpreter: lines per second, and the county of each line."""
    if not INTERPRETER.exists():
        return {}
    asked = subprocess.run(
        [str(INTERPRETER), str(PEERS)], input=json.dumps(list(texts)), capture_output=True, text=True, check=True
    )
    answer: dict[str, dict[str, Any]] = json.loads(asked.stdout.splitlines()[-1])
    return answer


def faults(seed: int, examples: int = 10) -> str:
    """The confusion report of the corpus of a seed."""
    gazetteer = load_gazetteer()
    resolver = Resolver(gazetteer)
    lines = [*generate(gazetteer, seed), *habits(gazetteer, seed), *handwritten(gazetteer)]
    pairs: list[tuple[Line, Resolution]] = [(line, resolver.resolve(line.text)) for line in lines]
    return report(judge(pairs), examples)


def main() -> None:
    """Prints everything as JSON, with the peers when they are installed."""
    print(json.dumps(run(peers=True), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
