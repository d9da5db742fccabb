"""Health check-ins of synthetic people for the tests."""

from __future__ import annotations

from typing import Any

from tests.gateway_kit import new_id

PATH = "/v1/checkins"
COUNTY, ENTERPRISE = "411426", "E-411426-0001"


def enterprise(code: str = ENTERPRISE, county: str = COUNTY) -> dict[str, str]:
    """A synthetic enterprise."""
    return {"code": code, "name": "夏邑示例纺织厂", "county": county}


def person(number: int = 1) -> dict[str, str]:
    """A synthetic person; equal numbers are one person."""
    return {"name": "测试甲", "document_type": "other", "document_number": f"T-{number:06d}", "phone": "19900000001"}


def checkin(number: int = 1, day: str = "2020-02-18", **changes: Any) -> dict[str, Any]:
    """A good check-in of an employee in the morning of a day, with a fresh id."""
    value: dict[str, Any] = {
        "event_id": new_id(),
        "kind": "employee",
        "made_at": f"{day}T07:50:00+08:00",
        "person": person(number),
        "enterprise": enterprise(),
        "temperature_c": 36.4,
        "whereabouts": "at_work",
    }
    return value | changes


def resident(number: int = 1, unit: str = "411426101201", **changes: Any) -> dict[str, Any]:
    """A good health form of a resident."""
    value = checkin(number, kind="resident", unit=unit, whereabouts="at_home")
    del value["enterprise"]
    return value | changes
