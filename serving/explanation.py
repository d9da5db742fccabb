"""Why an arrival was decided as it was, from the stored record and the rows it rests on, in Chinese and English. Pure.

Everything is said from the record and the reference: which rule spoke is in the findings, what it means stands in the rule's row.
No person's data is in an explanation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from reference.dated import Dated
from reference.shipped import pass_types_above_shipped
from reference.snapshot import Snapshot
from schemas.base import format_instant
from serving.access import Restriction
from serving.arrival_json import plain_value
from serving.names import place_name
from serving.reasons import finding_text, rule_row
from serving.texts import LANGUAGES
from serving.versions import corrections, versions

#: What is read of `v_arrivals`; nothing that tells who the person is.
COLUMNS = (
    "event_id", "revision", "cause", "recorded_at", "occurred_at", "site_id", "origin_code", "origin_method", "stay_codes",
    "destination_status", "destination_method", "destination_score", "destination_county", "destination_street",
    "destination_village", "destination_outside", "destination_candidates", "destination_mismatch", "unit", "desk_reason", "risk",
    "decision", "decided_by", "findings", "pass_id", "reference_version", "gazetteer_edition",
)  # fmt: skip
_DEEPEST_FIRST = ("destination_village", "destination_street", "destination_county", "destination_outside")


def explanation_sql(event_id: str, allowed: Restriction, columns: Sequence[str] = COLUMNS) -> tuple[str, dict[str, Any]]:
    """The SQL of the present version of one arrival, if it is among the allowed ones."""
    sql = f"SELECT {', '.join(columns)}\nFROM v_arrivals WHERE event_id = toUUID(%(event_id)s) AND ({allowed.sql}) LIMIT 1"
    return sql, {**allowed.values, "event_id": event_id}


def explain(row: Mapping[str, Any], snapshot: Snapshot, history: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The explanation of a row with `COLUMNS`: places, rules in order, grade rows, pass, versions. Ready for JSON.

    `history` are the rows of `serving.versions.versions_sql`.
    """
    record = {name: plain_value(row[name]) for name in COLUMNS}
    findings = record["findings"]
    findings = orjson.loads(findings or "[]") if isinstance(findings, str) else findings
    decided = [finding["rule"] for finding in findings if finding["rule"] == record["decided_by"]]
    return {
        **{name: record[name] for name in ("event_id", "revision", "cause", "occurred_at", "recorded_at", "site_id")},
        "origin": _place(record["origin_code"], snapshot) | {"method": record["origin_method"]},
        "stays": [_place(code, snapshot) for code in record["stay_codes"] if code],
        "destination": _destination(record, snapshot),
        "unit": _place(record["unit"], snapshot),
        "desk_reason": record["desk_reason"],
        "rules": [_rule(finding, decided[:1], snapshot) for finding in findings],
        "pass": _pass(record["pass_id"], findings, snapshot),
        **{name: record[name] for name in ("risk", "decision", "decided_by", "reference_version", "gazetteer_edition")},
        "versions": versions(history, snapshot),
        "corrections": corrections(record["event_id"], snapshot),
    }


def _place(code: str, snapshot: Snapshot) -> dict[str, Any]:
    return {"code": code or None, "name": place_name(snapshot, code) or None}


def _destination(record: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    code = next((record[name] for name in _DEEPEST_FIRST if record[name]), "")
    return _place(code, snapshot) | {
        "status": record["destination_status"],
        "method": record["destination_method"],
        "score": round(float(record["destination_score"]), 3),
        "candidates": [_place(candidate, snapshot) for candidate in record["destination_candidates"]],
        "mismatch": record["destination_mismatch"] or None,
    }


def _rule(finding: Mapping[str, Any], decided: Sequence[str], snapshot: Snapshot) -> dict[str, Any]:
    row = rule_row(finding, snapshot.rules)

    def name(code: str) -> str:
        return place_name(snapshot, code)

    told = {key: finding.get(key) for key in ("rule", "version", "risk", "decision", "set_aside", "exempted_by", "evidence")}
    told |= {f"text_{tongue}": finding_text(finding, name, snapshot.rules, tongue) for tongue in LANGUAGES}
    told |= {f"source_{tongue}": getattr(row.data, f"source_{tongue}") if row else None for tongue in LANGUAGES}
    grade = next((g for g in _grades(finding, snapshot) if g.row_id == finding.get("grade_row")), None)
    return told | {
        "decided": finding["rule"] in decided,
        "row": _dates(row),
        "grade": _dates(grade) | {"area": grade.data.area, "grade": grade.data.grade} if grade else None,
    }


def _grades(finding: Mapping[str, Any], snapshot: Snapshot) -> Sequence[Dated[Any]]:
    return snapshot.grades.history(finding["evidence"].get("graded_area") or "")


def _pass(pass_id: str, findings: Sequence[Mapping[str, Any]], snapshot: Snapshot) -> dict[str, Any] | None:
    """The pass shown, with the state the findings speak of; None when none was shown."""
    if not pass_id:
        return None
    said = [finding["evidence"] for finding in findings]
    row_id = next((evidence["pass_row"] for evidence in said if evidence.get("pass_row")), None)
    state = next((evidence["pass_state"] for evidence in said if evidence.get("pass_state")), None)
    if state is None and any(evidence.get("exemption") == "pass" for evidence in said):
        state = "valid"
    row = next((row for row in snapshot.passes.history(pass_id) if row_id in (None, row.row_id)), None)
    types = pass_types_above_shipped(snapshot.pass_types)
    kind = next(iter(types.history(row.data.pass_type)), None) if row else None
    return {
        "pass_type": row.data.pass_type if row else None,
        **{f"name_{tongue}": getattr(kind.data, f"name_{tongue}") if kind else None for tongue in LANGUAGES},
        "state": state,
        "row": _dates(row),
    }


def _dates(row: Dated[Any] | None) -> dict[str, Any]:
    """Where a row stands and when it holds; empty for a row that is not there."""
    if row is None:
        return {}
    return {"row_id": row.row_id, "reference_version": row.offset} | {
        name: _instant(getattr(row, name)) for name in ("valid_from", "valid_to", "known_from")
    }


def _instant(at: datetime | None) -> str | None:
    return format_instant(at) if at else None
