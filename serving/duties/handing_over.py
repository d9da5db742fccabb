"""Putting a duty into the hands of a unit: from that moment it is accountable, and its deadline runs. Pure."""

from __future__ import annotations

from typing import Any

from serving.duties.duty import Duty
from serving.duties.situation import Situation, acknowledge_by


def handed_over(duty: Duty, unit: str, now: Situation) -> dict[str, Any]:
    """The fields of a duty that change when a unit gets it now."""
    remind, due = acknowledge_by(duty.risk, now.now, now.terms(unit))
    return {
        "unit": unit,
        "since": now.now,
        "remind_at": remind,
        "due_at": due,
        "escalated_at": None,
        "escalated_to": None,
        "offer": None,
        "declined": None,
    }
