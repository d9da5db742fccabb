"""What the page of duties shows, made from the same JSON the API answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from schemas.unit_action import DeclineReason, ReleaseReason
from serving.console_views import person_row
from serving.texts import Language, catalogue

#: The lists on a unit's page, and on the page of a health desk.
TABS = ("pending", "acknowledged", "registered", "observing", "contact", "overdue", "offered", "escalated", "released")
HEALTH_TABS = ("alert", "contact", "open", "released")
#: Lists that are only shown when somebody is in them.
_SELDOM = frozenset({"contact", "overdue", "offered", "escalated"})
DECLINES: tuple[str, ...] = get_args(DeclineReason)
RELEASES: tuple[str, ...] = get_args(ReleaseReason)


def tab_word(name: str, language: Language) -> str:
    """What a list is called."""
    t = catalogue(language)
    return t.get(f"state.{name}") or t.get(f"duties.{name}") or t["filter_all"]


def tabs(names: Sequence[str], counts: Mapping[str, int], chosen: str, language: Language) -> list[tuple[str, str, int]]:
    """The lists to choose from: name, word and count."""
    shown = [name for name in names if name not in _SELDOM or counts[name] or name == chosen]
    return [(name, tab_word(name, language), counts[name]) for name in shown]


def duty_cards(page: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """The cards of a page: who (masked), why, and where the duty stands."""
    duties = page["duties"]
    return [_card(told, duties[told["event_id"]], language) for told in page["arrivals"]]


def page_words(language: Language) -> dict[str, Any]:
    """The choices of the page's forms, and the words its script needs."""
    wanted = ("act.", "done.", "duties.")
    words = {key: text for key, text in catalogue(language).items() if key.startswith(wanted)}
    return {"declines": DECLINES, "releases": RELEASES, "words": words}


def _card(told: Mapping[str, Any], duty: Mapping[str, Any], language: Language) -> dict[str, Any]:
    t = catalogue(language)
    if told.get("stored", True):
        row = person_row(told, language)
    else:
        row = {"event_id": told["event_id"], "risk": told["risk"], "risk_word": t[f"risk.{told['risk']}"], "name": "—"}
        row |= {"decision_word": t[f"decision.{told['decision']}"], "time": _clock(told["received_at"]), "about": "", "why": ""}
        row |= {"how": t["duties.name_waiting"], "unit": told["unit_name"], "origin": t["origin_unknown"]}
    return row | {
        "version": duty["version"],
        "overdue": duty["overdue"],
        "state": duty["state"],
        "lines": _lines(duty, t),
        "actions": [(act, _act_word(act, duty, t)) for act in duty["actions"] if act != "undo"],
        "unit": duty["unit_name"],
    }


def _act_word(act: str, duty: Mapping[str, Any], t: Mapping[str, str]) -> str:
    return t["act.extend"] if act == "observe" and duty["state"] == "observing" else t[f"act.{act}"]


def _lines(duty: Mapping[str, Any], t: Mapping[str, str]) -> list[str]:
    """Where the duty stands, a line each."""
    observation, health = duty["observation"], duty["health"]
    lines = [_task(task, t) for task in duty["tasks"]]
    if duty["due_at"]:
        lines.append(f"{t['duties.due']} {_deadline(duty['due_at'])}")
    if observation:
        counted = f"{t['duties.reports']} {observation['reports']} {t['duties.times']}"
        missed = f" · {t['duties.missed']} {observation['missed']} {t['duties.times']}" if observation["missed"] else ""
        lines.append(f"{t['duties.until']} {observation['until_day'][5:]} · {counted}{missed}")
    if health:
        degrees = f" {health['temperature_c']:.1f} ℃" if health["temperature_c"] else ""
        lines.append(f"{t['duties.fever']}{degrees} · {t['duties.seen' if health['seen_at'] else 'duties.unseen']}")
    if duty["offer"]:
        lines.append(f"{t['duties.to']} {duty['offer']['to_name']} · {t['duties.awaits']}")
    if duty["rerouted_to"]:
        lines.append(f"{t['duties.rerouted']} {duty['rerouted_to_name']}")
    if duty["proxy"]:
        lines.append(t["duties.proxy"])
    return lines


def _task(task: Mapping[str, Any], t: Mapping[str, str]) -> str:
    """What joins the person to a case, by which rule."""
    language = "en" if t["lang"].startswith("en") else "zh"
    rows = " " + t["duties.rows"].format(n=task["distance"]) if task["distance"] is not None else ""
    return f"{t['duties.task']}{task[f'text_{language}']}{rows} · {t['duties.task_source']}{task[f'source_{language}']}"


def _deadline(instant: str) -> str:
    """A time by which; midnight belongs to the day it ends."""
    at = datetime.fromisoformat(instant)
    return _clock(instant) if at.hour or at.minute else f"{at - timedelta(days=1):%m-%d} 24:00"


def _clock(instant: str) -> str:
    return instant[5:16].replace("T", " ")
