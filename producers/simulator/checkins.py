"""The health check-ins of a sample day: a few invented enterprises whose employees check in on that day and the two before.

Pure: the same day and seed give the same check-ins. Somebody stays away, somebody has fever, so that the queries have answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from producers.simulator import parameters as p
from producers.simulator.people import Person, make_person
from schemas.base import LOCAL, format_instant
from schemas.event_ids import RANDOM_BYTES, uuid7

#: Code, name, county and number of employees; none of them exists.
_ENTERPRISES = (
    ("E-411402-0001", "梁园区示例物流公司", "411402", 38),
    ("E-411403-0001", "睢阳区示例制药厂", "411403", 24),
    ("E-411421-0001", "民权县示例制冷厂", "411421", 45),
    ("E-411424-0001", "柘城县示例磨料厂", "411424", 20),
    ("E-411426-0001", "夏邑县示例纺织厂", "411426", 32),
    ("E-411481-0001", "永城市示例面粉厂", "411481", 27),
)
_DAYS = 3
_FIRST, _POSTED = time(6, 50), time(8, 40)


@dataclass(frozen=True, slots=True)
class CheckinPost:
    """The check-ins of one enterprise and day: when its county posts them, the county, and what is posted."""

    at: datetime
    county: str
    checkins: tuple[dict[str, Any], ...]


def plan_checkins(day: date, seed: int) -> Iterator[CheckinPost]:
    """The posts of all enterprises, day by day; one per enterprise and day."""
    rng = Random(f"check-ins/{day}/{seed}")
    people = {code: [make_person(rng, county) for _ in range(size)] for code, _, county, size in _ENTERPRISES}
    for back in reversed(range(_DAYS)):
        morning = datetime.combine(day - timedelta(days=back), _FIRST, LOCAL)
        for code, name, county, _ in _ENTERPRISES:
            enterprise = {"code": code, "name": name, "county": county}
            present = [person for person in people[code] if rng.random() >= p.MISSING_CHECKIN_SHARE]
            checkins = tuple(_checkin(rng, person, enterprise, morning) for person in present)
            yield CheckinPost(datetime.combine(morning.date(), _POSTED, LOCAL), county, checkins)


def _checkin(rng: Random, person: Person, enterprise: dict[str, str], morning: datetime) -> dict[str, Any]:
    made_at = morning + timedelta(seconds=rng.randrange(90 * 60))
    checkin = {
        "version": 1,
        "event_id": uuid7(int(made_at.timestamp() * 1000), rng.randbytes(RANDOM_BYTES)),
        "kind": "employee",
        "made_at": format_instant(made_at),
        "person": person,
        "enterprise": enterprise,
        "whereabouts": "at_work" if rng.random() < p.AT_WORK_SHARE else "at_home",
    }
    if rng.random() >= p.MISSING_TEMPERATURE_SHARE:
        feverish = rng.random() < p.FEVERISH_CHECKIN_SHARE
        checkin["temperature_c"] = round(rng.uniform(*p.FEVER_RANGE) if feverish else rng.gauss(*p.NORMAL_TEMPERATURE), 1)
    return checkin
