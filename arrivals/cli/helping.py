"""How `--help` is laid out: panels of commands, and examples below the options."""

from __future__ import annotations

RUN, PARTS, OPERATE, BRING, LOOK = "Run everything", "Run one part", "Operate", "Bring data in", "Look at data"


def examples(*lines: str) -> str:
    """The examples at the end of a command's help."""
    return "\n\n".join(("Examples:" if len(lines) > 1 else "Example:", *(f"  arrivals {line}" for line in lines)))
