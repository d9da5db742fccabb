"""What the engine makes of a record: every value where the declaration says, and never a default for what it cannot read."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from clickhouse_driver import Client

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from schemas.errors import Rejected
from sinks.columns import Batch, Columns
from sinks.feeds import feed_query
from sinks.migrate import FOLDER, migrate
from sinks.tables import ALERTS, ARRIVALS, DEAD_LETTERS, DUPLICATES, SINKS, Sink
from sinks.writer import RangeWriter
from tests.sinks_kit import arrivals, raw

DATABASE = "db_feeds"


@pytest.fixture(scope="module")
def client(clickhouse_server: ClickHouseServer) -> Iterator[Client]:
    made = Client(
        "127.0.0.1", clickhouse_server.native_port, user=clickhouse_server.user, password=clickhouse_server.password, database=""
    )
    made.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    migrate(made, DATABASE)
    made.execute(f"USE {DATABASE}")
    yield made
    made.execute(f"DROP DATABASE {DATABASE}")
    made.disconnect()


def stored(client: Client, sink: Sink, documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows the documents became, in order; each passed the check and is alone in the table."""
    client.execute(f"TRUNCATE TABLE {sink.table}")
    batch = Columns(sink).batch([raw(document, number) for number, document in enumerate(documents)])
    assert batch.poison == []
    insert(client, sink, batch)
    names = [column.name for column in sink.columns]
    rows = client.execute(f"SELECT {', '.join(names)} FROM {sink.table} ORDER BY kafka_offset")
    return [dict(zip(names, row, strict=True)) for row in rows]


def insert(client: Client, sink: Sink, batch: Batch) -> None:
    token = random.randbytes(8).hex()
    RangeWriter(lambda: client).insert(sink.inserts_into, batch, token)


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.topic)
def test_the_migrations_hold_the_query_of_the_declaration(sink: Sink) -> None:
    """When this fails, a new migration has to say: ALTER TABLE …_records_feed MODIFY QUERY, and what `feed_query` returns."""
    text = "\n".join(path.read_text("utf-8") for path in sorted(FOLDER.glob("*.sql")))
    said = re.findall(rf"{sink.inserts_into}_feed\{{on_cluster\}}.*?(SELECT\n.*?) = 0;", text, re.DOTALL)
    assert said[-1] + " = 0" == feed_query(sink)


def test_values_land_in_their_columns(client: Client) -> None:
    document = arrivals(1)[0] | {
        "occurred_at": "2020-02-18T08:30:15.250+08:00",
        "temperature_c": 37.3,
        "vehicle": None,
        "rail": {"train": "K1235", "train_pair": "K1234", "service_date": "2020-02-17", "coach": "3", "seat": None},
        "stays": [{"code": None, "from_day": "2020-02-05", "to_day": "2020-02-17"}],
        "findings": [{"rule": "fever", "evidence": {"limit": 37.3, "place": "商丘"}}],
        "symptoms": ["cough", "fever"],
        "unit": 'a "quoted" \\ line\nof 汉字 and 😀',
    }
    expected = {
        "event_id": document["event_id"],
        "occurred_at": datetime(2020, 2, 18, 0, 30, 15, 250_000, UTC),
        "temperature_c": Decimal("37.3"),
        "plate_region": "",
        "train": "K1235",
        "seat": "",
        "from_station": "",
        "service_date": date(2020, 2, 17),
        "stay_codes": [""],
        "stay_from": [date(2020, 2, 5)],
        "rules": ["fever"],
        "findings": '[{"rule":"fever","evidence":{"limit":37.3,"place":"商丘"}}]',
        "symptoms": ["cough", "fever"],
        "unit": document["unit"],
        "revision": document["revision"],
        "kafka_offset": 0,
    }
    row = stored(client, ARRIVALS, [document])[0]
    assert {name: row[name] for name in expected} == expected | {"event_id": row["event_id"]}
    assert str(row["event_id"]) == document["event_id"]


def test_each_field_of_each_arrival_reaches_its_own_column(client: Client) -> None:
    documents = arrivals(300)
    for document, row in zip(documents, stored(client, ARRIVALS, documents), strict=True):
        for column in ARRIVALS.columns:
            if not column.field.startswith("@"):
                assert plain(row[column.name]) == found(document, column.field), column.name


def found(document: dict[str, Any], field: str) -> Any:
    """The value of a field as a column shows it: nothing as empty text, times in UTC, findings as text."""
    value: Any = document
    for number, name in enumerate(parts := field.split(".")):
        if name.endswith("[]"):
            return [element[parts[number + 1]] for element in value[name.removesuffix("[]")]]
        value = (value or {}).get(name)
    if field == "findings":
        return orjson.dumps(value).decode()
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*", value):
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return plain(value)


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(element) for element in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if value is None or isinstance(value, str | int):
        return value or None
    return pytest.approx(float(value), abs=1e-6) if isinstance(value, float | Decimal) else str(value)


def test_every_tenth_of_a_degree_stays_what_it_is_and_a_missing_one_stays_missing(client: Client) -> None:
    tenths = [*range(-400, 1_000), None, 9_999, -9_999]
    given = [None if tenth is None else tenth / 10 for tenth in tenths] + [37.26, 37.24, 37]
    document = arrivals(1)[0]
    rows = stored(client, ARRIVALS, [document | {"temperature_c": degrees} for degrees in given])
    expected = [None if tenth is None else Decimal(tenth) / 10 for tenth in tenths]
    assert [row["temperature_c"] for row in rows] == [*expected, Decimal("37.3"), Decimal("37.2"), Decimal(37)]
    del document["temperature_c"]
    assert stored(client, ARRIVALS, [document])[0]["temperature_c"] is None


def test_an_instant_is_the_same_however_it_is_written(client: Client) -> None:
    texts = [
        *(
            "2020-02-18T08:30:15.250+08:00",
            "2020-02-18T00:30:15.250Z",
            "2020-02-18T00:30:15.25Z",
            "2020-02-17T21:00:15.250-03:30",
        ),
        *("2020-02-18 08:30:15.250+08:00", "2020-02-18T08:30:15.250999+08:00"),
    ]
    document = arrivals(1)[0]
    rows = stored(client, ARRIVALS, [document | {"occurred_at": text} for text in texts])
    assert {row["occurred_at"] for row in rows} == {datetime(2020, 2, 18, 0, 30, 15, 250_000, UTC)}


def test_days_and_instants_keep_their_ends(client: Client) -> None:
    days = ["1970-01-01", "2020-02-29", "2149-06-06"]
    rows = stored(client, ARRIVALS, [arrivals(1)[0] | {"arrived_on": day} for day in days])
    assert [row["arrived_on"].isoformat() for row in rows] == days
    start = datetime(2020, 2, 18, tzinfo=UTC)
    moments = [start + timedelta(milliseconds=number * 997) for number in range(500)]
    texts = [moment.isoformat(timespec="milliseconds") for moment in moments]
    rows = stored(client, ARRIVALS, [arrivals(1)[0] | {"recorded_at": text} for text in texts])
    assert [row["recorded_at"] for row in rows] == moments


def test_records_of_the_other_sinks_land(client: Client) -> None:
    event, at = "017053e0-bf24-7892-9767-727e1818e811", "2020-02-18T00:00:00.000+08:00"
    letter = {"version": 1, "dead_letter_id": "x", "stage": "sink", "reason": "r", "detail": "d", "recorded_at": at}
    letter |= {"key_id": "2020-02-18", "payload_sealed": "s", "payload_bytes": 3}
    handled = letter | {"partition": 7, "offset": 2**40, "handled_at": at, "dead_letter_id": "y"}
    first, second = stored(client, DEAD_LETTERS, [letter, handled])
    assert (first["partition"], first["offset"], first["handled_at"], first["topic"]) == (None, None, None, "")
    instant = datetime(2020, 2, 17, 16, tzinfo=UTC)
    assert (second["partition"], second["offset"], second["handled_at"]) == (7, 2**40, instant)
    duplicate = {"version": 1, "event_id": event, "device_id": "d", "recorded_at": at}
    assert str(stored(client, DUPLICATES, [duplicate])[0]["event_id"]) == event
    alert = {
        "version": 1,
        "alert_id": "a",
        "event_id": event,
        "revision": 3,
        "rule": "fever",
        "rule_version": 1,
        "unit": "411426",
    }
    alert |= {"county_code": "411426", "risk": "high", "decision": "refer", "site_id": "S1", "occurred_at": at, "recorded_at": at}
    assert stored(client, ALERTS, [alert | {"temperature_c": 38.2}])[0]["temperature_c"] == Decimal("38.2")


@pytest.mark.parametrize(
    "odd",
    [
        b'{"later":"\xff",' + orjson.dumps(arrivals(1)[0])[1:],
        orjson.dumps(arrivals(1)[0] | {"occurred_at": "2020-02-18t00:30:15.250z"}),
    ],
    ids=["no text in a field that is stepped over", "small letters in a time"],
)
def test_what_only_the_engine_cannot_read_is_refused_and_never_becomes_defaults(client: Client, odd: bytes) -> None:
    client.execute("TRUNCATE TABLE arrival_versions")
    client.execute("TRUNCATE TABLE arrivals_latest")
    batch = Columns(ARRIVALS).batch([raw(arrivals(1)[0]), (0, 1, 0, odd)])
    assert batch.poison == []
    with pytest.raises(Rejected):
        insert(client, ARRIVALS, batch)
    assert client.execute("SELECT (SELECT count() FROM arrival_versions), (SELECT count() FROM arrivals_latest)") == [(0, 0)]


def test_of_a_name_that_comes_twice_both_tables_keep_one_value(client: Client) -> None:
    document = arrivals(1)[0] | {"unit": "411426"}
    twice = orjson.dumps(document)[:-1] + b',"unit":"411402"}'
    client.execute("TRUNCATE TABLE arrivals_latest")
    client.execute("TRUNCATE TABLE arrival_versions")
    insert(client, ARRIVALS, Columns(ARRIVALS).batch([(0, 0, 0, twice)]))
    assert client.execute("SELECT unit FROM arrival_versions UNION ALL SELECT unit FROM arrivals_latest") == [("411426",)] * 2
