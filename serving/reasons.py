"""Why a person is on the list, in plain words, from the findings' evidence: no code is shown that needs a handbook. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Names = Callable[[str], str]
Finding = Mapping[str, Any]
_GRADE = {"high": ("高风险", "high-risk"), "medium": ("中风险", "medium-risk"), "low": ("低风险", "low-risk")}
_UNPLACED = {
    "ambiguous": (
        "目的地有多个同名地点，请核实后转交",
        "Several places have the name of the destination; please find out and pass on",
    ),
    "county_only": ("目的地只写到县，请核实到村(社区)", "The destination names a county only; please find out the village"),
    "city_only": ("目的地只写到市，请核实到县、村", "The destination names the city only; please find out the county"),
    "outside": ("目的地不在本市，途经", "The destination lies outside the city; passing through"),
    "unresolved": ("目的地无法识别，请电话核实", "The destination could not be understood; please telephone"),
}
_EXEMPTION = {
    "pass": ("持有效通行证，登记后放行", "holds a valid pass: registered and let through"),
    "purpose": ("防疫、复工或物资运输，医学观察", "serves epidemic prevention, work or supplies: observed"),
    "none": ("无通行证，劝返", "no pass: turned back"),
}
_QUIET = ("无异常，正常登记", "Nothing unusual found")


def reasons(findings: Sequence[Finding], desk_reason: str, names: Names) -> tuple[str, str]:
    """All reasons, strongest rule first as decided, in Chinese and in English."""
    said = [spoken for finding in findings if (spoken := _spoken(finding, names))]
    if desk_reason in _UNPLACED and _UNPLACED[desk_reason] not in said:
        said.append(_UNPLACED[desk_reason])
    said = said or [_QUIET]
    return "；".join(zh for zh, _ in said), "; ".join(en for _, en in said)


def _spoken(finding: Finding, names: Names) -> tuple[str, str] | None:
    speak = _RULES.get(finding["rule"])
    if speak is None:
        return f"规则 {finding['rule']}", f"rule {finding['rule']}"
    return speak(finding["evidence"], names)


def _fever(evidence: Mapping[str, Any], _: Names) -> tuple[str, str]:
    measured, threshold = evidence["temperature_c"], evidence["threshold_c"]
    return (
        f"体温 {measured:.1f} ℃，达到 {threshold:.1f} ℃，移交卫健部门",
        f"Temperature {measured:.1f} °C, at or above {threshold:.1f} °C: handed to the health desk",
    )


def _area_grade(evidence: Mapping[str, Any], names: Names) -> tuple[str, str]:
    zh, en = _GRADE[evidence["grade"]]
    place = names(evidence["area"])
    if evidence["via"] == "stay":
        return f"14天内到过{zh}地区 {place}", f"Stayed in {place} within 14 days, a {en} area"
    return f"来自{zh}地区 {place}", f"From {place}, a {en} area"


def _key_vehicle(evidence: Mapping[str, Any], names: Names) -> tuple[str, str]:
    zh, en = _EXEMPTION[evidence["exemption"]]
    place = names(evidence["graded_area"])
    return f"重点地区（{place}）来车：{zh}", f"Vehicle from a key area ({place}): {en}"


def _origin(_: Mapping[str, Any], __: Names) -> tuple[str, str]:
    return "来源地不明，请核实", "Origin unknown; please find out"


def _unplaced(evidence: Mapping[str, Any], _: Names) -> tuple[str, str] | None:
    return _UNPLACED.get(str(evidence["status"]))


_RULES: dict[str, Callable[[Mapping[str, Any], Names], tuple[str, str] | None]] = {
    "fever": _fever,
    "area-grade": _area_grade,
    "key-vehicle": _key_vehicle,
    "origin-unknown": _origin,
    "destination-unplaced": _unplaced,
}
