"""The one declaration of what is sunk: topic -> table, column by column with its ClickHouse type, the field it comes
from and its meaning.

Adding a sink is one entry here and one migration; a test compares each entry with the real schema and with the topic's model.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXT = "String"
WORD = "LowCardinality(String)"
TEXTS = "Array(String)"
WORDS = "Array(LowCardinality(String))"
INSTANT = "DateTime64(3, 'Asia/Shanghai')"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `field` is a path in the record (`person.key`, `stays[].code`), `@partition` or `@offset`.

    The ClickHouse type decides the conversion. `optional` fields may be missing or null: they become '' or NULL; with `json` the
    field is kept as JSON text.
    """

    name: str
    type: str
    field: str
    comment: str
    optional: bool = False
    json: bool = False

    @property
    def plain_type(self) -> str:
        """The type as a record is read: words and ids as plain text."""
        return {WORD: TEXT, WORDS: TEXTS, "UUID": TEXT}.get(self.type, self.type)


@dataclass(frozen=True, slots=True)
class Sink:
    """One topic and the table its records rest in.

    Records are inserted as they came into `inserts_into` (engine Null); a view of the engine decodes them into `table`.
    `every`: a small batch is inserted in every such round only. An insert costs the server the same for one row as for a
    thousand, and whoever waits for an arrival waits for the inserts of its round.
    """

    topic: str
    table: str
    columns: tuple[Column, ...]
    every: int = 1

    @property
    def inserts_into(self) -> str:
        """The table named in the insert."""
        return f"{self.topic.replace('-', '_')}_records"


#: Rounds of what is told to whom it concerns by other ways than the table: streams, answers, webhooks.
_SELDOM = 4
_COORDINATES = (
    Column("kafka_partition", "UInt16", "@partition", "Partition of the record on its topic"),
    Column("kafka_offset", "UInt64", "@offset", "Offset of the record on its topic"),
)

#: Who it was, as far as it may be read; the same in every table that tells of a person.
PERSON = (
    Column("person_key", TEXT, "person.key", "Keyed hash of document type and number: equal for the same person"),
    Column("name_masked", WORD, "person.name_masked", "Family name and asterisks"),
    Column("document_type", WORD, "person.document_type", "Kind of document shown"),
    Column("document_last4", TEXT, "person.document_last4", "Last four characters of the document number"),
    Column("birth_year", "Nullable(UInt16)", "person.birth_year", "Year of birth", optional=True),
    Column("phone_last4", TEXT, "person.phone_last4", "Last four digits of the phone number", optional=True),
    Column("nationality", WORD, "person.nationality", "ISO 3166 alpha-3 code", optional=True),
)
ARRIVALS = Sink(
    "arrivals",
    "arrival_versions",
    (
        Column("event_id", "UUID", "event_id", "Identity of the scan, made on the device"),
        Column("revision", "UInt64", "revision", "Reference version this version was decided under; the highest is the latest"),
        Column("cause", WORD, "cause", "Why this version was decided: scan, reference, correction"),
        Column("recorded_at", INSTANT, "recorded_at", "When the city knew this version"),
        Column("kind", WORD, "kind", "checkpoint or rail"),
        Column("site_id", WORD, "site_id", "Checkpoint or station"),
        Column("site_county", WORD, "site_county", "County of the site", optional=True),
        Column("device_id", WORD, "device_id", "Device that scanned"),
        Column("occurred_at", INSTANT, "occurred_at", "When the person was scanned"),
        Column("received_at", INSTANT, "received_at", "When the gateway received the scan; never changes"),
        Column("arrived_on", "Date", "arrived_on", "Local day of the arrival"),
        *PERSON,
        Column("origin_code", WORD, "origin_code", "Area code of the origin", optional=True),
        Column("origin_method", WORD, "origin_method", "How the origin was found"),
        Column("origin_given", WORD, "origin_given", "Code of the origin as the scan gave it", optional=True),
        Column("destination_given", WORD, "destination_given", "Code of the destination as the scan gave it", optional=True),
        Column("stay_codes", WORDS, "stays[].code", "Area codes of the places of the last 14 days", optional=True),
        Column("stay_from", "Array(Date)", "stays[].from_day", "First day of each stay"),
        Column("stay_to", "Array(Date)", "stays[].to_day", "Last day of each stay"),
        Column("destination_status", WORD, "destination.status", "ok, ambiguous, county_only, city_only, outside, unresolved"),
        Column("destination_method", WORD, "destination.method", "How the destination was found"),
        Column("destination_score", "Float32", "destination.score", "Confidence of the resolver, 0 to 1"),
        Column("destination_county", WORD, "destination.county_code", "County code of the destination", optional=True),
        Column("destination_street", WORD, "destination.street_code", "Township code of the destination", optional=True),
        Column("destination_village", WORD, "destination.village_code", "Village code of the destination", optional=True),
        Column("destination_outside", WORD, "destination.outside_code", "Area code outside the city", optional=True),
        Column("destination_candidates", TEXTS, "destination.candidates", "Codes the text could mean"),
        Column("destination_mismatch", TEXT, "destination.mismatch", "Contradiction found in the address", optional=True),
        Column("unit", WORD, "unit", "Responsible management unit"),
        Column("unit_level", WORD, "unit_level", "city, county, township, village or custom"),
        Column("county_code", WORD, "county_code", "Responsible county"),
        Column("desk_reason", WORD, "desk_reason", "Why the arrival lies at a county desk", optional=True),
        Column("risk", WORD, "risk", "high, medium, low or unknown"),
        Column("decision", WORD, "decision", "admit, register, observe, refer, isolate or turn_back"),
        Column("decided_by", WORD, "decided_by", "Rule that decided", optional=True),
        Column("rules", WORDS, "findings[].rule", "Rules that spoke"),
        Column("findings", TEXT, "findings", "Findings with their evidence, JSON", json=True),
        Column(
            "temperature_c", "Nullable(Decimal(4, 1))", "temperature_c", "Temperature in °C; NULL when missing", optional=True
        ),
        Column("symptoms", WORDS, "symptoms", "Symptoms stated"),
        Column("purpose", WORD, "purpose", "Purpose of the trip"),
        Column("lodging", WORD, "lodging", "How the person lodges"),
        Column("party_id", TEXT, "party_id", "Joins the people of one car or group", optional=True),
        Column("vehicle_key", TEXT, "vehicle.key", "Keyed hash of the plate: equal for the same vehicle", optional=True),
        Column("plate_region", WORD, "vehicle.region", "Region of the plate, such as 鄂A", optional=True),
        Column("vehicle_role", WORD, "vehicle.role", "Role of the vehicle", optional=True),
        Column("vehicle_seat", WORD, "vehicle.seat", "Seat in the vehicle", optional=True),
        Column("pass_id", TEXT, "vehicle.pass_id", "Pass shown", optional=True),
        Column("train", WORD, "rail.train", "Train number", optional=True),
        Column("train_pair", WORD, "rail.train_pair", "Lower number of the odd/even pair the train runs under", optional=True),
        Column("service_date", "Nullable(Date)", "rail.service_date", "Day the train left its first station", optional=True),
        Column("coach", WORD, "rail.coach", "Coach", optional=True),
        Column("seat", WORD, "rail.seat", "Seat in the coach", optional=True),
        Column("from_station", WORD, "rail.from_station", "Station of boarding", optional=True),
        Column("to_station", WORD, "rail.to_station", "Station of leaving", optional=True),
        Column("quality", WORDS, "quality", "What the gateway noticed about the scan"),
        Column("reference_version", "UInt64", "reference_version", "Offset of the last reference row in use"),
        Column("gazetteer_edition", WORD, "gazetteer_edition", "Edition of the area codes"),
        Column("key_id", WORD, "sealed.key_id", "Day key under which the identity is sealed"),
        Column("sealed_identity", TEXT, "sealed.identity", "Sealed name, document and phone"),
        Column("sealed_address", TEXT, "sealed.address", "Sealed texts of places", optional=True),
        *_COORDINATES,
    ),
)

ALERTS = Sink(
    "alerts",
    "alerts",
    (
        Column("alert_id", TEXT, "alert_id", "Identity of the alert: event, rule, rule version"),
        Column("event_id", "UUID", "event_id", "The arrival"),
        Column("revision", "UInt64", "revision", "Version of the arrival that raised it"),
        Column("rule", WORD, "rule", "Rule that raised it"),
        Column("rule_version", "UInt32", "rule_version", "Version of the rule"),
        Column("unit", WORD, "unit", "Responsible unit"),
        Column("county_code", WORD, "county_code", "Responsible county"),
        Column("risk", WORD, "risk", "Risk found"),
        Column("decision", WORD, "decision", "Decision taken"),
        Column("site_id", WORD, "site_id", "Checkpoint or station"),
        Column("occurred_at", INSTANT, "occurred_at", "When the person was scanned"),
        Column("recorded_at", INSTANT, "recorded_at", "When the city knew it"),
        Column(
            "temperature_c", "Nullable(Decimal(4, 1))", "temperature_c", "Temperature in °C; NULL when missing", optional=True
        ),
        Column("grade_row", WORD, "grade_row", "Grade row the alert rests on", optional=True),
        *_COORDINATES,
    ),
    every=_SELDOM,
)

DEAD_LETTERS = Sink(
    "dead-letters",
    "dead_letters",
    (
        Column("dead_letter_id", TEXT, "dead_letter_id", "Identity of the dead letter"),
        Column("stage", WORD, "stage", "Part that refused the record: gateway, router, sink, import"),
        Column("reason", WORD, "reason", "Stable word for the reason"),
        Column("detail", TEXT, "detail", "Fields and positions concerned; no values"),
        Column("recorded_at", INSTANT, "recorded_at", "When it was refused"),
        Column("topic", WORD, "topic", "Topic of the original record; empty when there is none", optional=True),
        Column("partition", "Nullable(UInt16)", "partition", "Partition of the original record", optional=True),
        Column("offset", "Nullable(UInt64)", "offset", "Offset of the original record", optional=True),
        Column("event_id", TEXT, "event_id", "Identity of the scan, where it could be read", optional=True),
        Column("device_id", WORD, "device_id", "Device, where known", optional=True),
        Column("site_id", WORD, "site_id", "Site, where known", optional=True),
        Column("reference_version", "Nullable(UInt64)", "reference_version", "Reference version in use", optional=True),
        Column("key_id", WORD, "key_id", "Day key under which the payload is sealed"),
        Column("payload_sealed", TEXT, "payload_sealed", "The original bytes, sealed"),
        Column("payload_bytes", "UInt64", "payload_bytes", "Length of the original bytes"),
        Column("state", WORD, "state", "open, replayed or discarded", optional=True),
        Column("handled_at", f"Nullable({INSTANT})", "handled_at", "When somebody handled it", optional=True),
        Column("handled_by", WORD, "handled_by", "Who handled it", optional=True),
        Column("note", TEXT, "note", "Why it was handled that way", optional=True),
        *_COORDINATES,
    ),
)

DUPLICATES = Sink(
    "duplicates",
    "duplicates",
    (
        Column("event_id", "UUID", "event_id", "The scan that was posted again"),
        Column("device_id", WORD, "device_id", "Device that posted it again"),
        Column("recorded_at", INSTANT, "recorded_at", "When it was posted again"),
        *_COORDINATES,
    ),
    every=_SELDOM,
)

UNIT_ACTIONS = Sink(
    "unit-actions",
    "unit_actions",
    (
        Column("event_id", "UUID", "event_id", "The arrival"),
        Column("duty_version", "UInt32", "duty_version", "Number of the change: 1 is the assignment"),
        Column("action", WORD, "action", "What was done, or happened by itself"),
        Column("actor", WORD, "actor", "Subject of the credential; desk for what happens by itself"),
        Column("role", WORD, "role", "Role of the credential", optional=True),
        Column("recorded_at", INSTANT, "recorded_at", "When it was done"),
        Column("unit", WORD, "unit", "Accountable unit after the change"),
        Column("unit_before", WORD, "unit_before", "Accountable unit before, where the change moved the duty", optional=True),
        Column("state", WORD, "state", "pending, acknowledged, registered, observing or released"),
        Column("state_before", WORD, "state_before", "State before, where it changed", optional=True),
        Column("revision", "UInt64", "revision", "Version of the arrival the duty followed"),
        Column("risk", WORD, "risk", "Risk then"),
        Column("decision", WORD, "decision", "Decision then"),
        Column("reason", WORD, "reason", "Reason of a decline or a release", optional=True),
        Column("has_note", "Bool", "has_note", "Whether a note was written; its text is sealed at the desk"),
        Column("other_unit", WORD, "other_unit", "Unit of an offer, an escalation or a new decision", optional=True),
        Column("due_at", f"Nullable({INSTANT})", "due_at", "When the acknowledgement is due", optional=True),
        Column("observed_until", "Nullable(Date)", "observed_until", "Last day of the observation", optional=True),
        Column("temperature_c", "Nullable(Decimal(4, 1))", "temperature_c", "Reported temperature in °C", optional=True),
        Column("measured_at", f"Nullable({INSTANT})", "measured_at", "When it was measured", optional=True),
        Column("symptoms", WORDS, "symptoms", "Symptoms reported"),
        Column("undone", WORD, "undone", "What an undo took back", optional=True),
        Column("trail_line", "Nullable(UInt64)", "trail_line", "Line of the audit trail that proves the change", optional=True),
        Column("trail_hash", TEXT, "trail_hash", "Hash of that line", optional=True),
        *_COORDINATES,
    ),
    every=_SELDOM,
)

CHECKINS = Sink(
    "checkins",
    "checkins",
    (
        Column("event_id", "UUID", "event_id", "Identity of the check-in, made on the device"),
        Column("kind", WORD, "kind", "employee, resident, gate_in or gate_out"),
        Column("enterprise_code", WORD, "enterprise.code", "Enterprise it was made for; empty for a unit", optional=True),
        Column("enterprise_name", WORD, "enterprise.name", "Name of the enterprise", optional=True),
        Column("unit", WORD, "unit", "Management unit it was made for; empty for an enterprise", optional=True),
        Column("county_code", WORD, "county_code", "County of the enterprise or the unit"),
        Column("device_id", WORD, "device_id", "Device that reported"),
        Column("made_at", INSTANT, "made_at", "When the person checked in"),
        Column("received_at", INSTANT, "received_at", "When the gateway received it"),
        Column("checked_on", "Date", "checked_on", "Local day of the check-in"),
        *PERSON,
        Column(
            "temperature_c", "Nullable(Decimal(4, 1))", "temperature_c", "Temperature in °C; NULL when missing", optional=True
        ),
        Column("symptoms", WORDS, "symptoms", "Symptoms stated"),
        Column("whereabouts", WORD, "whereabouts", "at_work, at_home, away or unknown"),
        Column("quality", WORDS, "quality", "What the gateway noticed about the check-in"),
        Column("key_id", WORD, "sealed.key_id", "Day key under which the identity is sealed"),
        Column("sealed_identity", TEXT, "sealed.identity", "Sealed name, document and phone"),
        *_COORDINATES,
    ),
)

SINKS: tuple[Sink, ...] = (ARRIVALS, ALERTS, DEAD_LETTERS, DUPLICATES, UNIT_ACTIONS, CHECKINS)
BY_TOPIC: dict[str, Sink] = {sink.topic: sink for sink in SINKS}
