-- Who travelled with whom: every arrival once under each thing that can join it to others, so that the contacts of one are a few
-- neighbouring rows among any number. `(key, slot)` find them; whether a tie holds is decided from the other columns.
-- A row is never wrong, only old: a correction may put an arrival under another key, and is noted in `contact_corrections`.
CREATE TABLE IF NOT EXISTS {database}.contact_keys{on_cluster}
(
    key String COMMENT 'train/PAIR/SERVICE DATE, vehicle/KEY, party/SITE/ID or site/ID',
    slot UInt32 COMMENT 'Coach number of a train (0 not known); of vehicles, parties and sites the ten minutes since 1970',
    event_id UUID COMMENT 'Identity of the scan, made on the device',
    revision UInt64 COMMENT 'Reference version this version was decided under; the highest is the latest',
    kind LowCardinality(String) COMMENT 'checkpoint or rail',
    site_id LowCardinality(String) COMMENT 'Checkpoint or station',
    site_county LowCardinality(String) COMMENT 'County of the site',
    occurred_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the person was scanned',
    received_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the gateway received the scan; never changes',
    person_key String COMMENT 'Keyed hash of document type and number: equal for the same person',
    name_masked LowCardinality(String) COMMENT 'Family name and asterisks',
    document_last4 String COMMENT 'Last four characters of the document number',
    phone_last4 String COMMENT 'Last four digits of the phone number',
    unit LowCardinality(String) COMMENT 'Responsible management unit',
    county_code LowCardinality(String) COMMENT 'Responsible county',
    risk LowCardinality(String) COMMENT 'high, medium, low or unknown',
    symptoms Array(LowCardinality(String)) COMMENT 'Symptoms stated',
    party_id String COMMENT 'Joins the people of one car or group',
    vehicle_key String COMMENT 'Keyed hash of the plate: equal for the same vehicle',
    vehicle_role LowCardinality(String) COMMENT 'Role of the vehicle',
    vehicle_seat LowCardinality(String) COMMENT 'Seat in the vehicle',
    train LowCardinality(String) COMMENT 'Train number',
    train_pair LowCardinality(String) COMMENT 'Lower number of the odd/even pair the train runs under',
    service_date Nullable(Date) COMMENT 'Day the train left its first station',
    coach LowCardinality(String) COMMENT 'Coach',
    seat LowCardinality(String) COMMENT 'Seat in the coach'
)
ENGINE = {replicated}ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(received_at)
ORDER BY (key, slot, event_id)
SETTINGS index_granularity = 1024,
    non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Arrivals under everything that joins them to others';

CREATE TABLE IF NOT EXISTS {database}.contact_corrections{on_cluster}
(
    event_id UUID COMMENT 'The arrival that was corrected',
    revision UInt64 COMMENT 'The correction: older versions may stand under keys that hold no longer'
)
ENGINE = {replicated}ReplacingMergeTree(revision)
ORDER BY event_id
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Corrected arrivals';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.contact_corrections_feed{on_cluster} TO {database}.contact_corrections
AS SELECT event_id, revision FROM {database}.arrival_versions WHERE cause = 'correction';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.contact_keys_feed{on_cluster} TO {database}.contact_keys
AS WITH
    toUInt32(intDiv(toUnixTimestamp(occurred_at), 600)) AS ten_minutes,
    normalizeUTF8NFKC(coach) AS carriage,
    toUInt32OrZero(extract(carriage, '[0-9]+')) AS carriage_number,
    arrayConcat(
        if(train_pair != '' AND service_date IS NOT NULL, [(concat('train/', train_pair, '/', ifNull(toString(service_date), '')),
            toUInt32(if(carriage_number != 0 AND position(carriage, '加') > 0, carriage_number + 10000, carriage_number)))], []),
        if(vehicle_key != '', [(concat('vehicle/', vehicle_key), ten_minutes)], []),
        if(party_id != '', [(concat('party/', site_id, '/', party_id), ten_minutes)], []),
        if(kind = 'checkpoint', [(concat('site/', site_id), ten_minutes)], [])) AS keys,
    arrayJoin(keys) AS place
SELECT
    place.1 AS key, place.2 AS slot, event_id, revision, kind, site_id, site_county, occurred_at, received_at, person_key, name_masked,
    document_last4, phone_last4, unit, county_code, risk, symptoms, party_id, vehicle_key, vehicle_role,
    vehicle_seat, train, train_pair, service_date, coach, seat
FROM {database}.arrival_versions;

INSERT INTO {database}.contact_corrections
SELECT event_id, revision FROM {database}.arrival_versions WHERE cause = 'correction'
SETTINGS max_partitions_per_insert_block = 0;

-- What was stored before this migration. The feed is there already, so nothing falls between the two; a row twice is folded.
INSERT INTO {database}.contact_keys
WITH
    toUInt32(intDiv(toUnixTimestamp(occurred_at), 600)) AS ten_minutes,
    normalizeUTF8NFKC(coach) AS carriage,
    toUInt32OrZero(extract(carriage, '[0-9]+')) AS carriage_number,
    arrayConcat(
        if(train_pair != '' AND service_date IS NOT NULL, [(concat('train/', train_pair, '/', ifNull(toString(service_date), '')),
            toUInt32(if(carriage_number != 0 AND position(carriage, '加') > 0, carriage_number + 10000, carriage_number)))], []),
        if(vehicle_key != '', [(concat('vehicle/', vehicle_key), ten_minutes)], []),
        if(party_id != '', [(concat('party/', site_id, '/', party_id), ten_minutes)], []),
        if(kind = 'checkpoint', [(concat('site/', site_id), ten_minutes)], [])) AS keys,
    arrayJoin(keys) AS place
SELECT
    place.1 AS key, place.2 AS slot, event_id, revision, kind, site_id, site_county, occurred_at, received_at, person_key, name_masked,
    document_last4, phone_last4, unit, county_code, risk, symptoms, party_id, vehicle_key, vehicle_role,
    vehicle_seat, train, train_pair, service_date, coach, seat
FROM {database}.arrivals_latest FINAL
SETTINGS max_partitions_per_insert_block = 0;
