"""Millions of synthetic arrivals, made by the engine itself and stored where the sink stores them.

One `INSERT … SELECT` a block into `arrival_versions`: every table and view behind it (latest versions, keys of contacts,
corrections) is fed by the engine exactly as from a record of the sink. Arrivals come in the order of time, as they do in service.

The people of one number are always the same: parties of three, one in twenty a coach of 45; a third by rail, forty trains a day
of 16 coaches; the rest through sixty checkpoints. Three in a hundred come a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from clickhouse_driver import Client

BLOCK = 1_000_000
_DAY_SECONDS, _LAST_SCAN = 86_400, 85_000
#: As the sink inserts.
_SETTINGS = {"optimize_on_insert": 0, "max_partitions_per_insert_block": 0}
_FINDING = (
    '[{"rule":"area-grade","version":1,"risk":"high","decision":"observe","grade_row":"grade-bench",'
    '"evidence":{"area":"420106","graded_area":"4201","grade":"high","via":"origin"}}]'
)
_FILL = """INSERT INTO arrival_versions (event_id, revision, cause, recorded_at, kind, site_id, site_county, device_id,
    occurred_at, received_at, arrived_on, person_key, name_masked, document_type, document_last4, birth_year, phone_last4,
    origin_code,
    origin_method, destination_status, destination_method, destination_score, destination_county, destination_street,
    destination_village, unit, unit_level, county_code, desk_reason, risk, decision, decided_by, rules, findings, temperature_c,
    purpose, lodging, party_id, vehicle_key, plate_region, vehicle_role, vehicle_seat, train, train_pair, service_date, coach,
    seat, reference_version, gazetteer_edition, key_id, kafka_partition, kafka_offset)
WITH
    {villages} AS villages,
    intDiv(number, 45) AS block, sipHash64('c', block) % 20 = 0 AS by_coach,
    if(by_coach, block + 1000000000000, intDiv(number, 3)) AS party, if(by_coach, number % 45, number % 3) AS member,
    sipHash64(party) AS h, lower(hex(sipHash128(number))) AS own, sipHash64('d', party, if(by_coach, member, 0)) AS d,
    NOT by_coach AND bitShiftRight(h, 8) % 100 < 35 AS rail,
    toDateTime64('{start}', 3, 'Asia/Shanghai') + toIntervalSecond(intDiv(block * 45 * {days}, {rows}) * {day_seconds})
        + toIntervalSecond(toUInt32(bitShiftRight(h, 16) % {last_scan})) + toIntervalSecond(member * 12) AS at,
    at + toIntervalMillisecond(900) AS received, lower(hex(toUInt64(toUnixTimestamp64Milli(at)))) AS ms,
    villages[1 + d % length(villages)] AS village, bitShiftRight(d, 40) % 100 AS depth,
    multiIf(depth < 85, village, depth < 97, substring(village, 1, 9), depth < 99, substring(village, 1, 6), '4114') AS place,
    length(place) AS digits, h % 13 = 0 AS risky, toDate(at, 'Asia/Shanghai') AS day,
    'K' || toString(1000 + 2 * (bitShiftRight(h, 32) % 40)) AS pair
SELECT
    concat(substring(ms, 1, 8), '-', substring(ms, 9, 4), '-7', substring(own, 1, 3), '-8', substring(own, 4, 3), '-',
        substring(own, 7, 12)),
    1, 'scan', received, if(rail, 'rail', 'checkpoint'),
    concat(if(rail, 'ST-', 'CP-'), toString(bitShiftRight(h, 36) % if(rail, 9, 60))), substring(village, 1, 6), 'bench', at,
    received, day, lower(hex(sipHash128('p', number % {people}))), ['王*', '李*', '张*', '刘**', '陈**', '杨*'][1 + number % 6],
    'resident_id', substring(own, 20, 4), 1940 + number % 70, substring(own, 24, 4), if(risky, '420106', '440305'), 'code',
    if(digits = 4, 'city_only', if(digits = 6, 'county_only', 'ok')), 'code', 1, substring(place, 1, if(digits < 6, 0, 6)),
    substring(place, 1, if(digits < 9, 0, 9)), substring(place, 1, if(digits < 12, 0, 12)), place,
    transform(digits, [4, 6, 9], ['city', 'county', 'township'], 'village'), substring(place, 1, 6),
    if(digits < 9, 'county_only', ''), if(risky, 'high', 'low'), if(risky, 'observe', 'register'), if(risky, 'area-grade', ''),
    if(risky, ['area-grade'], []), if(risky, '{finding}', '[]'), toDecimal64(36 + (number % 10) / 10, 1), 'home', 'own_home',
    concat('p-', toString(party)), if(rail, '', lower(hex(sipHash128('v', party)))), if(rail, '', '豫N'),
    if(rail, '', if(by_coach, 'coach', 'private')), if(rail, '', toString(member + 1)), if(rail, pair, ''), if(rail, pair, ''),
    if(rail, day - 1, NULL), if(rail, leftPad(toString(1 + bitShiftRight(h, 40) % 16), 2, '0'), ''),
    if(rail, concat(leftPad(toString(1 + bitShiftRight(h, 44) % 18), 2, '0'), substring('ABC', member + 1, 1)), ''),
    1, 'bench', toString(day), number % 4, intDiv(number, 4)
FROM numbers({first}, {count})"""


@dataclass(frozen=True, slots=True)
class Filling:
    """So many arrivals over so many days from an instant on (the end is `days` times 24 hours later), to these villages.

    A village that is named twice gets twice as many.
    """

    rows: int
    start: datetime
    days: int
    villages: Sequence[str]


def fill(client: Client, wanted: Filling, tell: Callable[[str], None]) -> None:
    """Stores the arrivals block by block; tells how far it is."""
    for first in range(0, wanted.rows, BLOCK):
        count = min(BLOCK, wanted.rows - first)
        client.execute(_FILL.format(first=first, count=count, **_values(wanted)), settings=_SETTINGS)
        tell(f"{first + count:,} arrivals")


def _values(wanted: Filling) -> dict[str, object]:
    return {
        "villages": f"[{','.join(repr(village) for village in wanted.villages)}]",
        "start": f"{wanted.start:%Y-%m-%d %H:%M:%S}",
        "days": wanted.days,
        "rows": wanted.rows,
        "people": max(1, wanted.rows * 97 // 100),
        "day_seconds": _DAY_SECONDS,
        "last_scan": _LAST_SCAN,
        "finding": _FINDING,
    }
