"""An explanation as lines of plain words in one language, for the terminal and the console. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from serving.reasons import evidence_text, exemption_text, words
from serving.texts import Language, catalogue
from serving.versions import version_lines

_MINUTE = len("2020-02-18T08:30")
Explanation = Mapping[str, Any]


def as_lines(told: Explanation, name: Callable[[str], str], language: Language) -> list[str]:
    """The explanation of `serving.explanation.explain`; `name` gives the name of a code. Indented lines belong to a rule."""
    return [
        *_places(told, language),
        *_rules(told, name, language),
        *_pass(told, language),
        *_conclusion(told, language),
        *version_lines(told, name, language),
    ]


def _places(told: Explanation, language: Language) -> Iterator[str]:
    t, origin, destination = words(language), told["origin"], told["destination"]
    title = {"event_id": told["event_id"], "revision": told["revision"], "cause": t[f"cause.{told['cause']}"]}
    yield t["says.title"].format(**title)
    yield t["says.origin"].format(origin=_named(origin, language), method=_method(origin["method"], language))
    if told["stays"]:
        yield t["says.stays"].format(stays=t["list"].join(_named(stay, language) for stay in told["stays"]))
    method = _method(destination["method"], language)
    yield t["says.destination"].format(
        destination=_named(destination, language), method=method, score=f"{destination['score']:g}"
    )
    yield t["says.status"].format(status=t[f"status.{destination['status']}"])
    if destination["candidates"]:
        yield t["says.candidates"].format(candidates=t["list"].join(_named(c, language) for c in destination["candidates"]))
    if destination["mismatch"]:
        yield t["says.mismatch"].format(mismatch=destination["mismatch"])
    yield t["says.unit"].format(unit=_named(told["unit"], language))


def _rules(told: Explanation, name: Callable[[str], str], language: Language) -> Iterator[str]:
    t = words(language)
    yield t["says.rules"] if told["rules"] else t["says.no_rule"]
    for number, rule in enumerate(told["rules"], 1):
        yield _rule(number, rule, language)
        yield "   " + t["says.evidence"].format(evidence=_evidence(rule["evidence"], name, language))
        yield "   " + _basis(rule, language)
        if rule["grade"]:
            yield "   " + _grade(rule["grade"], name, language)


def _rule(number: int, rule: Mapping[str, Any], language: Language) -> str:
    t, shared = words(language), catalogue(language)
    text = rule[f"text_{language}"].removesuffix(exemption_text(rule, language))
    return t["says.rule"].format(
        number=number,
        text=text,
        decision=shared[f"decision.{rule['decision']}"],
        risk=shared[f"risk.{rule['risk']}"],
        decided=exemption_text(rule, language) + (t["says.decided"] if rule["decided"] else ""),
    )


def _evidence(evidence: Mapping[str, Any], name: Callable[[str], str], language: Language) -> str:
    t = words(language)
    pairs = ((t.get(f"evidence.{key}", key), evidence_text(key, value, name, language)) for key, value in evidence.items())
    return t["list"].join(t["pair"].format(name=key, value=value) for key, value in pairs)


def _basis(rule: Mapping[str, Any], language: Language) -> str:
    t, about = words(language), {"rule": rule["rule"], "version": rule["version"]}
    if not rule["row"]:
        return t["says.no_basis"].format(**about)
    return t["says.basis"].format(**about, **_period(rule["row"], language), source=rule[f"source_{language}"])


def _grade(grade: Mapping[str, Any], name: Callable[[str], str], language: Language) -> str:
    t = words(language)
    about = {"area": name(grade["area"]), "grade": t[f"grade.{grade['grade']}"], "row": grade["row_id"]}
    return t["says.grade"].format(**about, **_period(grade, language))


def _pass(told: Explanation, language: Language) -> Iterator[str]:
    t, shown = words(language), told["pass"]
    if shown is None:
        return
    state = t.get(f"pass_state.{shown['state']}", t["unknown"])
    if not shown["row"]:
        yield t["says.no_pass"].format(state=state)
        return
    kind = shown[f"name_{language}"] or shown["pass_type"]
    yield t["says.pass"].format(type=kind, state=state, **_period(shown["row"], language))


def _conclusion(told: Explanation, language: Language) -> Iterator[str]:
    t, shared = words(language), catalogue(language)
    decision, risk = shared[f"decision.{told['decision']}"], shared[f"risk.{told['risk']}"]
    said = t["says.decision" if told["decided_by"] else "says.admitted"]
    yield said.format(decision=decision, risk=risk, rule=told["decided_by"])
    known = _minute(told["recorded_at"])
    yield t["says.versions"].format(version=told["reference_version"], recorded_at=known, edition=told["gazetteer_edition"])


def _named(place: Mapping[str, Any], language: Language) -> str:
    return f"{place['name']} {place['code']}" if place["code"] else words(language)["unknown"]


def _method(method: str, language: Language) -> str:
    return words(language).get(f"method.{method}", f"{words(language)['method.text']}: {method}")


def _period(row: Mapping[str, Any], language: Language) -> dict[str, str]:
    until = words(language)["says.until"].format(until=_minute(row["valid_to"])) if row["valid_to"] else ""
    return {"since": _minute(row["valid_from"]), "until": until}


def _minute(instant: str) -> str:
    return instant[:_MINUTE].replace("T", " ")
