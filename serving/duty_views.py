"""What the page of duties shows, made from the same JSON the API answers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from schemas.unit_action import DeclineReason, ReleaseReason
from serving.access import HEALTH
from serving.console_views import person_row
from serving.texts import Language, catalogue

#: The lists on a unit's page, and on the page of a health desk.
TABS = ("pending", "acknowledged", "registered", "observing", "contact", "overdue", "offered", "escalated", "released")
HEALTH_TABS = ("alert", "contact", "open", "released")
#: How the units below get on: no list of people.
BELOW = "below"
#: Lists that are only shown when somebody is in them.
_SELDOM = frozenset({"contact", "overdue", "offered", "escalated", "misrouted"})
#: What a unit usually does next, where it may.
_NEXT_STEPS = ("acknowledge", "accept", "register", "temperature", "observe")
DECLINES: tuple[str, ...] = get_args(DeclineReason)
_COUNTY, _TOWNSHIP = 6, 9
RELEASES: tuple[str, ...] = get_args(ReleaseReason)


def tab_names(unit: str) -> tuple[str, ...]:
    """The lists on the page of a unit; who has units below sees how they get on, a county's desk what they gave back."""
    if unit.endswith(HEALTH):
        return HEALTH_TABS
    if not unit.isdigit() or len(unit) > _TOWNSHIP:
        return TABS
    back = ("misrouted",) if len(unit) <= _COUNTY else ()
    return (*TABS[:-1], *back, TABS[-1], *((BELOW,) if len(unit) >= _COUNTY else ()))


def tab_word(name: str, language: Language) -> str:
    """What a list is called."""
    t = catalogue(language)
    return t.get(f"state.{name}") or t.get(f"duties.{name}") or t["filter_all"]


def tabs(names: Sequence[str], counts: Mapping[str, int], chosen: str, language: Language) -> list[tuple[str, str, int | None]]:
    """The lists to choose from: name, word and count (None for what is no list)."""
    shown = [name for name in names if name not in _SELDOM or counts[name] or name == chosen]
    return [(name, tab_word(name, language), counts.get(name)) for name in shown]


def duty_cards(page: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """The cards of a page: who (masked), why, and where the duty stands."""
    duties = page["duties"]
    return [_card(told, duties[told["event_id"]], language) for told in page["arrivals"]]


def household_views(page: Mapping[str, Any], language: Language) -> list[dict[str, Any]]:
    """The households of a page: whose phone answers, the cards of its people, and whose report is still missing."""
    cards = {card["event_id"]: card for card in duty_cards(page, language)}
    return [
        {
            "answers": household.answers,
            "cards": [cards[duty.event_id] for duty in household.members],
            "missing": {duty.event_id for duty in household.missing},
        }
        for household in page.get("households", ())
    ]


def progress_rows(page: Mapping[str, Any], name: Callable[[str], str]) -> list[dict[str, Any]]:
    """How the units below get on, those with something overdue first."""
    rows = [{"unit": code, "name": name(code), **counts} for code, counts in page.get("below", {}).items()]
    return sorted(rows, key=lambda row: (-row["overdue"], -row["pending"], row["unit"]))


def page_words(language: Language) -> dict[str, Any]:
    """The choices of the page's forms, and the words its script needs."""
    wanted = ("act.", "done.", "duties.", "state.", "people")
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
        "actions": [(act, _act_word(act, duty, t)) for act in _in_order(duty)],
        "unit": duty["unit_name"],
    }


def _in_order(duty: Mapping[str, Any]) -> list[str]:
    """The acts as buttons, the usual next step first; what came back to a desk is most likely to be handed on."""
    first = ("transfer", *_NEXT_STEPS) if duty["declined"] else _NEXT_STEPS
    acts = [act for act in first if act in duty["actions"]]
    return acts + [act for act in duty["actions"] if act not in (*acts, "undo")]


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
    if duty["declined"]:
        lines.append(f"{duty['declined']['by_name']} {t['duties.gave_back']}{t['decline.' + duty['declined']['reason']]}")
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
