"""What the page of an arrival's contacts shows, made from the same JSON the API answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from serving.duties.duty import CaseFinding
from serving.reasons import words
from serving.texts import Language, catalogue

FINDINGS: tuple[str, ...] = get_args(CaseFinding)


def contacts_view(told: Mapping[str, Any], language: Language, done: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The context of the page; `done` is the answer to an order of tasks."""
    w, t = words(language), catalogue(language)
    return {
        "told": told,
        "done": done,
        "findings": FINDINGS,
        "w": w,
        "way": _way(told["arrival"], t),
        "rows": [_row(contact, w, t, language) for contact in told["contacts"]],
    }


def _row(contact: Mapping[str, Any], w: Mapping[str, str], t: Mapping[str, str], language: Language) -> dict[str, Any]:
    return {
        "strength": contact["strength"],
        "event_id": contact["event_id"],
        "name": contact["name_masked"],
        "unit": contact["unit_name"],
        "about": " · ".join(
            f"{t[word]} {contact[field]}"
            for word, field in (("document_tail", "document_last4"), ("phone_tail", "phone_last4"))
            if contact[field]
        ),
        "way": _way(contact, t),
        "ties": [
            {"text": tie[f"text_{language}"] + _distance(tie, w), "source": tie[f"source_{language}"]} for tie in contact["ties"]
        ],
    }


def _distance(tie: Mapping[str, Any], w: Mapping[str, str]) -> str:
    said = []
    if tie["distance"] is not None:
        said.append(w["contact.distance"].format(n=tie["distance"]))
    if tie["minutes"] is not None:
        said.append(w["contact.minutes"].format(n=tie["minutes"]))
    return w["contact.said"].format(said=w["list"].join(said)) if said else ""


def _way(row: Mapping[str, Any], t: Mapping[str, str]) -> str:
    parts = [row["occurred_at"][5:16].replace("T", " "), row["site_name"]]
    if row["train"]:
        coach = f" {row['coach']}{t['coach_suffix']}" if row["coach"] else ""
        parts.append(f"{row['train']}{t['train_suffix']}{coach}{' ' + row['seat'] if row['seat'] else ''}")
    elif row["vehicle_seat"]:
        parts.append(row["vehicle_seat"])
    return " · ".join(parts)
