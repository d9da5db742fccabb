"""Compares answers with a labelled corpus, class by class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.corpus.generate import Line
from reference.resolution import Resolution

LEVELS = (("county", 6), ("township", 9), ("village", 12))


@dataclass(slots=True)
class Tally:
    """The counts of one class: of each level how many texts told it and how many answers were right; and the answers
    that were wrong and firm.
    """

    lines: int = 0
    right: int = 0
    held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("county", "township", "village"), 0))
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("county", "township", "village"), 0))
    confident_wrong: int = 0
    #: (status told, status answered) -> lines.
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


def judge(pairs: Iterable[tuple[Line, Resolution]]) -> dict[str, Tally]:
    """class -> tally."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    for line, answer in pairs:
        tally = tallies[line.kind]
        tally.lines += 1
        is_right, is_wrong = right(line, answer), wrong(line, answer)
        tally.right += is_right
        tally.confident_wrong += is_wrong
        tally.statuses[line.status, answer.status] += 1
        for name, size in LEVELS:
            held = told(line)
            if len(held) >= size:
                tally.held[name] += 1
                tally.found[name] += code_of(answer, size) == held[:size]
        if not is_right or is_wrong:
            expected = f"{line.status} {line.code} {sorted(line.candidates)[:4]}"
            mark = "WRONG" if is_wrong else "weak"
            got = f"{answer.status} {answer.unit} {answer.method} {answer.candidates[:4]}"
            tally.examples.append(f"{mark} {line.text!r}: expected {expected}, got {got}")
    return dict(tallies)


def told(line: Line) -> str:
    """The deepest code the text tells: of an ambiguous one what all its candidates share."""
    if line.status in ("outside", "unresolved"):
        return ""
    if not line.candidates:
        return line.code
    shared = line.code
    while shared and not all(c.startswith(shared) for c in line.candidates):
        shared = shared[: {12: 9, 9: 6, 6: 4}.get(len(shared), 0)]
    return shared


def code_of(answer: Resolution, size: int) -> str | None:
    """The answer's code of a level."""
    return {6: answer.county_code, 9: answer.street_code, 12: answer.village_code}[size]


def right(line: Line, answer: Resolution) -> bool:
    """Whether status and deepest code are as labelled; an `ambiguous` must have the true place among its candidates,
    as far as it lists them.
    """
    if answer.status != line.status:
        return False
    if line.status == "outside":
        return line.code == "" or bool(answer.outside_code and line.code.startswith(answer.outside_code))
    if line.status == "ambiguous":
        return (
            not line.code
            or len(line.candidates) > 8
            or any(line.code.startswith(c) or c.startswith(line.code) for c in answer.candidates)
        )
    return (answer.unit or "") == line.code


def wrong(line: Line, answer: Resolution) -> bool:
    """Whether the answer sends somebody to a place the text does not support: a firm answer that does not contain the
    true place.
    """
    if answer.status not in ("ok", "county_only", "outside"):
        return False
    if answer.status == "outside" or line.status in ("outside", "unresolved"):
        return answer.status != line.status
    unit = (answer.unit or "").partition("-")[0]
    return not line.code.startswith(unit) if line.status != "ambiguous" else not told(line).startswith(unit)


def confusion(tallies: dict[str, Tally]) -> list[str]:
    """Of each class what was answered instead of the status told, and how often."""
    return [
        f"  [{kind}] {told} answered as {answered}: {times} of {tally.lines}"
        for kind, tally in sorted(tallies.items())
        for (told, answered), times in sorted(tally.statuses.items())
        if told != answered
    ]


def report(tallies: dict[str, Tally], examples: int = 5) -> str:
    """The classes with their shares, what was taken for what, and the first faults of each class."""
    rows = [f"{'class':20} {'lines':>6} {'right':>7} {'county':>7} {'town':>7} {'village':>7} {'wrong':>5}"]
    for kind, t in sorted(tallies.items()):
        shares = [f"{t.found[n] / t.held[n]:7.2%}" if t.held[n] else "      -" for n, _ in LEVELS]
        rows.append(f"{kind:20} {t.lines:6} {t.right / t.lines:7.2%} {' '.join(shares)} {t.confident_wrong:5}")
    faults = [f"  [{kind}] {e}" for kind, t in sorted(tallies.items()) for e in sorted(t.examples)[:examples]]
    return "\n".join([*rows, "taken for another status:", *confusion(tallies), "faults:", *faults])
