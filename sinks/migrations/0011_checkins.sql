-- Health check-ins of employees, residents and gates, each once however often it was posted. The key holds what can never change.
CREATE TABLE IF NOT EXISTS {database}.checkins{on_cluster}
(
    event_id UUID COMMENT 'Identity of the check-in, made on the device',
    kind LowCardinality(String) COMMENT 'employee, resident, gate_in or gate_out',
    enterprise_code LowCardinality(String) COMMENT 'Enterprise it was made for; empty for a unit',
    enterprise_name LowCardinality(String) COMMENT 'Name of the enterprise',
    unit LowCardinality(String) COMMENT 'Management unit it was made for; empty for an enterprise',
    county_code LowCardinality(String) COMMENT 'County of the enterprise or the unit',
    device_id LowCardinality(String) COMMENT 'Device that reported',
    made_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the person checked in',
    received_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the gateway received it',
    checked_on Date COMMENT 'Local day of the check-in',
    person_key String COMMENT 'Keyed hash of document type and number: equal for the same person',
    name_masked LowCardinality(String) COMMENT 'Family name and asterisks',
    document_type LowCardinality(String) COMMENT 'Kind of document shown',
    document_last4 String COMMENT 'Last four characters of the document number',
    birth_year Nullable(UInt16) COMMENT 'Year of birth',
    phone_last4 String COMMENT 'Last four digits of the phone number',
    nationality LowCardinality(String) COMMENT 'ISO 3166 alpha-3 code',
    temperature_c Nullable(Decimal(4, 1)) COMMENT 'Temperature in °C; NULL when missing',
    symptoms Array(LowCardinality(String)) COMMENT 'Symptoms stated',
    whereabouts LowCardinality(String) COMMENT 'at_work, at_home, away or unknown',
    quality Array(LowCardinality(String)) COMMENT 'What the gateway noticed about the check-in',
    key_id LowCardinality(String) COMMENT 'Day key under which the identity is sealed',
    sealed_identity String COMMENT 'Sealed name, document and phone',
    kafka_partition UInt16 COMMENT 'Partition of the record on its topic',
    kafka_offset UInt64 COMMENT 'Offset of the record on its topic',
    stored_at DateTime64(3, 'Asia/Shanghai') DEFAULT now64(3) COMMENT 'When the row was stored, for operations only'
)
ENGINE = {replicated}ReplacingMergeTree
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Health check-ins';

CREATE TABLE IF NOT EXISTS {database}.checkins_records{on_cluster}
(
    record String,
    kafka_partition UInt16,
    kafka_offset UInt64
)
ENGINE = Null
COMMENT 'Entrance of checkins; keeps no rows';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.checkins_records_feed{on_cluster} TO {database}.checkins
AS SELECT
    tupleElement(r, 'event_id') AS event_id,
    tupleElement(r, 'kind') AS kind,
    tupleElement(tupleElement(r, 'enterprise'), 'code') AS enterprise_code,
    tupleElement(tupleElement(r, 'enterprise'), 'name') AS enterprise_name,
    tupleElement(r, 'unit') AS unit,
    tupleElement(r, 'county_code') AS county_code,
    tupleElement(r, 'device_id') AS device_id,
    parseDateTime64BestEffort(tupleElement(r, 'made_at'), 3, 'Asia/Shanghai') AS made_at,
    parseDateTime64BestEffort(tupleElement(r, 'received_at'), 3, 'Asia/Shanghai') AS received_at,
    tupleElement(r, 'checked_on') AS checked_on,
    tupleElement(tupleElement(r, 'person'), 'key') AS person_key,
    tupleElement(tupleElement(r, 'person'), 'name_masked') AS name_masked,
    tupleElement(tupleElement(r, 'person'), 'document_type') AS document_type,
    tupleElement(tupleElement(r, 'person'), 'document_last4') AS document_last4,
    tupleElement(tupleElement(r, 'person'), 'birth_year') AS birth_year,
    tupleElement(tupleElement(r, 'person'), 'phone_last4') AS phone_last4,
    tupleElement(tupleElement(r, 'person'), 'nationality') AS nationality,
    round(tupleElement(r, 'temperature_c'), 1) AS temperature_c,
    tupleElement(r, 'symptoms') AS symptoms,
    tupleElement(r, 'whereabouts') AS whereabouts,
    tupleElement(r, 'quality') AS quality,
    tupleElement(tupleElement(r, 'sealed'), 'key_id') AS key_id,
    tupleElement(tupleElement(r, 'sealed'), 'identity') AS sealed_identity,
    kafka_partition AS kafka_partition,
    kafka_offset AS kafka_offset
FROM
(
    SELECT JSONExtract(record, 'Tuple(version UInt8, event_id String, kind String, unit String, county_code String, device_id String, made_at String, received_at String, checked_on Date, temperature_c Nullable(Float64), symptoms Array(String), whereabouts String, quality Array(String), enterprise Tuple(code String, name String), person Tuple(key String, name_masked String, document_type String, document_last4 String, birth_year Nullable(UInt16), phone_last4 String, nationality String), sealed Tuple(key_id String, identity String))') AS r, kafka_partition, kafka_offset
    FROM {database}.checkins_records
)
WHERE throwIf(tupleElement(r, 'version') != 1, 'A record cannot be decoded.') = 0;

CREATE VIEW IF NOT EXISTS {database}.v_checkins{on_cluster}
(
    event_id UUID COMMENT 'Identity of the check-in, made on the device',
    kind LowCardinality(String) COMMENT 'employee, resident, gate_in or gate_out',
    enterprise_code LowCardinality(String) COMMENT 'Enterprise it was made for; empty for a unit',
    enterprise_name LowCardinality(String) COMMENT 'Name of the enterprise',
    unit LowCardinality(String) COMMENT 'Management unit it was made for; empty for an enterprise',
    county_code LowCardinality(String) COMMENT 'County of the enterprise or the unit',
    device_id LowCardinality(String) COMMENT 'Device that reported',
    made_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the person checked in',
    received_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the gateway received it',
    checked_on Date COMMENT 'Local day of the check-in',
    person_key String COMMENT 'Keyed hash of document type and number: equal for the same person',
    name_masked LowCardinality(String) COMMENT 'Family name and asterisks',
    document_type LowCardinality(String) COMMENT 'Kind of document shown',
    document_last4 String COMMENT 'Last four characters of the document number',
    birth_year Nullable(UInt16) COMMENT 'Year of birth',
    phone_last4 String COMMENT 'Last four digits of the phone number',
    nationality LowCardinality(String) COMMENT 'ISO 3166 alpha-3 code',
    temperature_c Nullable(Decimal(4, 1)) COMMENT 'Temperature in °C; NULL when missing',
    symptoms Array(LowCardinality(String)) COMMENT 'Symptoms stated',
    fever Bool COMMENT 'Whether 37.3 °C or more was measured or fever was stated (Ministry of Transport, 3 Feb 2020)',
    whereabouts LowCardinality(String) COMMENT 'at_work, at_home, away or unknown',
    quality Array(LowCardinality(String)) COMMENT 'What the gateway noticed about the check-in',
    key_id LowCardinality(String) COMMENT 'Day key under which the identity is sealed',
    stored_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the row was stored, for operations only'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    event_id, kind, enterprise_code, enterprise_name, unit, county_code, device_id, made_at, received_at, checked_on,
    person_key, name_masked, document_type, document_last4, birth_year, phone_last4, nationality, temperature_c, symptoms,
    ifNull(temperature_c >= toDecimal32('37.3', 1), false) OR has(symptoms, 'fever') AS fever,
    whereabouts, quality, key_id, stored_at
FROM {database}.checkins FINAL
COMMENT 'Health check-ins, each once, masked';
