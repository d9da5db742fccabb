-- What people query: exact at any moment, before and after merges. No sealed column, no payload. A change of a column is a new migration.

CREATE VIEW IF NOT EXISTS {database}.v_arrivals{on_cluster}
(
    event_id UUID COMMENT 'Identity of the scan, made on the device',
    revision UInt64 COMMENT 'Reference version this version was decided under; the highest is the latest',
    cause LowCardinality(String) COMMENT 'Why this version was decided: scan, reference, correction',
    recorded_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the city knew this version',
    kind LowCardinality(String) COMMENT 'checkpoint or rail',
    site_id LowCardinality(String) COMMENT 'Checkpoint or station',
    site_county LowCardinality(String) COMMENT 'County of the site',
    device_id LowCardinality(String) COMMENT 'Device that scanned',
    occurred_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the person was scanned',
    received_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the gateway received the scan; never changes',
    arrived_on Date COMMENT 'Local day of the arrival',
    person_key String COMMENT 'Keyed hash of document type and number: equal for the same person',
    name_masked LowCardinality(String) COMMENT 'Family name and asterisks',
    document_type LowCardinality(String) COMMENT 'Kind of document shown',
    document_last4 String COMMENT 'Last four characters of the document number',
    birth_year Nullable(UInt16) COMMENT 'Year of birth',
    phone_last4 String COMMENT 'Last four digits of the phone number',
    nationality LowCardinality(String) COMMENT 'ISO 3166 alpha-3 code',
    origin_code LowCardinality(String) COMMENT 'Area code of the origin',
    origin_method LowCardinality(String) COMMENT 'How the origin was found',
    stay_codes Array(LowCardinality(String)) COMMENT 'Area codes of the places of the last 14 days',
    stay_from Array(Date) COMMENT 'First day of each stay',
    stay_to Array(Date) COMMENT 'Last day of each stay',
    destination_status LowCardinality(String) COMMENT 'ok, ambiguous, county_only, city_only, outside, unresolved',
    destination_method LowCardinality(String) COMMENT 'How the destination was found',
    destination_score Float32 COMMENT 'Confidence of the resolver, 0 to 1',
    destination_county LowCardinality(String) COMMENT 'County code of the destination',
    destination_street LowCardinality(String) COMMENT 'Township code of the destination',
    destination_village LowCardinality(String) COMMENT 'Village code of the destination',
    destination_outside LowCardinality(String) COMMENT 'Area code outside the city',
    destination_candidates Array(String) COMMENT 'Codes the text could mean',
    destination_mismatch String COMMENT 'Contradiction found in the address',
    unit LowCardinality(String) COMMENT 'Responsible management unit',
    unit_level LowCardinality(String) COMMENT 'city, county, township, village or custom',
    county_code LowCardinality(String) COMMENT 'Responsible county',
    desk_reason LowCardinality(String) COMMENT 'Why the arrival lies at a county desk',
    risk LowCardinality(String) COMMENT 'high, medium, low or unknown',
    decision LowCardinality(String) COMMENT 'admit, register, observe, refer, isolate or turn_back',
    decided_by LowCardinality(String) COMMENT 'Rule that decided',
    rules Array(LowCardinality(String)) COMMENT 'Rules that spoke',
    findings String COMMENT 'Findings with their evidence, JSON',
    temperature_c Nullable(Decimal(4, 1)) COMMENT 'Temperature in °C; NULL when missing',
    symptoms Array(LowCardinality(String)) COMMENT 'Symptoms stated',
    purpose LowCardinality(String) COMMENT 'Purpose of the trip',
    lodging LowCardinality(String) COMMENT 'How the person lodges',
    party_id String COMMENT 'Joins the people of one car or group',
    vehicle_key String COMMENT 'Keyed hash of the plate: equal for the same vehicle',
    plate_region LowCardinality(String) COMMENT 'Region of the plate, such as 鄂A',
    vehicle_role LowCardinality(String) COMMENT 'Role of the vehicle',
    vehicle_seat LowCardinality(String) COMMENT 'Seat in the vehicle',
    pass_id String COMMENT 'Pass shown',
    train LowCardinality(String) COMMENT 'Train number',
    train_pair LowCardinality(String) COMMENT 'Lower number of the odd/even pair the train runs under',
    service_date Nullable(Date) COMMENT 'Day the train left its first station',
    coach LowCardinality(String) COMMENT 'Coach',
    seat LowCardinality(String) COMMENT 'Seat in the coach',
    from_station LowCardinality(String) COMMENT 'Station of boarding',
    to_station LowCardinality(String) COMMENT 'Station of leaving',
    quality Array(LowCardinality(String)) COMMENT 'What the gateway noticed about the scan',
    reference_version UInt64 COMMENT 'Offset of the last reference row in use',
    gazetteer_edition LowCardinality(String) COMMENT 'Edition of the area codes',
    key_id LowCardinality(String) COMMENT 'Day key under which the identity is sealed',
    stored_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the row was stored, for operations only'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    event_id, revision, cause, recorded_at, kind, site_id, site_county, device_id, occurred_at, received_at, arrived_on,
    person_key, name_masked, document_type, document_last4, birth_year, phone_last4, nationality, origin_code, origin_method,
    stay_codes, stay_from, stay_to, destination_status, destination_method, destination_score, destination_county,
    destination_street, destination_village, destination_outside, destination_candidates, destination_mismatch, unit, unit_level,
    county_code, desk_reason, risk, decision, decided_by, rules, findings, temperature_c, symptoms, purpose, lodging, party_id,
    vehicle_key, plate_region, vehicle_role, vehicle_seat, pass_id, train, train_pair, service_date, coach, seat, from_station,
    to_station, quality, reference_version, gazetteer_edition, key_id, stored_at
FROM {database}.arrivals_latest FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'The latest version of every arrival, masked';

CREATE VIEW IF NOT EXISTS {database}.v_arrival_history{on_cluster}
(
    event_id UUID COMMENT 'Identity of the scan, made on the device',
    revision UInt64 COMMENT 'Reference version this version was decided under; the highest is the latest',
    cause LowCardinality(String) COMMENT 'Why this version was decided: scan, reference, correction',
    recorded_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the city knew this version',
    kind LowCardinality(String) COMMENT 'checkpoint or rail',
    site_id LowCardinality(String) COMMENT 'Checkpoint or station',
    site_county LowCardinality(String) COMMENT 'County of the site',
    device_id LowCardinality(String) COMMENT 'Device that scanned',
    occurred_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the person was scanned',
    received_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the gateway received the scan; never changes',
    arrived_on Date COMMENT 'Local day of the arrival',
    person_key String COMMENT 'Keyed hash of document type and number: equal for the same person',
    name_masked LowCardinality(String) COMMENT 'Family name and asterisks',
    document_type LowCardinality(String) COMMENT 'Kind of document shown',
    document_last4 String COMMENT 'Last four characters of the document number',
    birth_year Nullable(UInt16) COMMENT 'Year of birth',
    phone_last4 String COMMENT 'Last four digits of the phone number',
    nationality LowCardinality(String) COMMENT 'ISO 3166 alpha-3 code',
    origin_code LowCardinality(String) COMMENT 'Area code of the origin',
    origin_method LowCardinality(String) COMMENT 'How the origin was found',
    stay_codes Array(LowCardinality(String)) COMMENT 'Area codes of the places of the last 14 days',
    stay_from Array(Date) COMMENT 'First day of each stay',
    stay_to Array(Date) COMMENT 'Last day of each stay',
    destination_status LowCardinality(String) COMMENT 'ok, ambiguous, county_only, city_only, outside, unresolved',
    destination_method LowCardinality(String) COMMENT 'How the destination was found',
    destination_score Float32 COMMENT 'Confidence of the resolver, 0 to 1',
    destination_county LowCardinality(String) COMMENT 'County code of the destination',
    destination_street LowCardinality(String) COMMENT 'Township code of the destination',
    destination_village LowCardinality(String) COMMENT 'Village code of the destination',
    destination_outside LowCardinality(String) COMMENT 'Area code outside the city',
    destination_candidates Array(String) COMMENT 'Codes the text could mean',
    destination_mismatch String COMMENT 'Contradiction found in the address',
    unit LowCardinality(String) COMMENT 'Responsible management unit',
    unit_level LowCardinality(String) COMMENT 'city, county, township, village or custom',
    county_code LowCardinality(String) COMMENT 'Responsible county',
    desk_reason LowCardinality(String) COMMENT 'Why the arrival lies at a county desk',
    risk LowCardinality(String) COMMENT 'high, medium, low or unknown',
    decision LowCardinality(String) COMMENT 'admit, register, observe, refer, isolate or turn_back',
    decided_by LowCardinality(String) COMMENT 'Rule that decided',
    rules Array(LowCardinality(String)) COMMENT 'Rules that spoke',
    findings String COMMENT 'Findings with their evidence, JSON',
    temperature_c Nullable(Decimal(4, 1)) COMMENT 'Temperature in °C; NULL when missing',
    symptoms Array(LowCardinality(String)) COMMENT 'Symptoms stated',
    purpose LowCardinality(String) COMMENT 'Purpose of the trip',
    lodging LowCardinality(String) COMMENT 'How the person lodges',
    party_id String COMMENT 'Joins the people of one car or group',
    vehicle_key String COMMENT 'Keyed hash of the plate: equal for the same vehicle',
    plate_region LowCardinality(String) COMMENT 'Region of the plate, such as 鄂A',
    vehicle_role LowCardinality(String) COMMENT 'Role of the vehicle',
    vehicle_seat LowCardinality(String) COMMENT 'Seat in the vehicle',
    pass_id String COMMENT 'Pass shown',
    train LowCardinality(String) COMMENT 'Train number',
    train_pair LowCardinality(String) COMMENT 'Lower number of the odd/even pair the train runs under',
    service_date Nullable(Date) COMMENT 'Day the train left its first station',
    coach LowCardinality(String) COMMENT 'Coach',
    seat LowCardinality(String) COMMENT 'Seat in the coach',
    from_station LowCardinality(String) COMMENT 'Station of boarding',
    to_station LowCardinality(String) COMMENT 'Station of leaving',
    quality Array(LowCardinality(String)) COMMENT 'What the gateway noticed about the scan',
    reference_version UInt64 COMMENT 'Offset of the last reference row in use',
    gazetteer_edition LowCardinality(String) COMMENT 'Edition of the area codes',
    key_id LowCardinality(String) COMMENT 'Day key under which the identity is sealed',
    stored_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the row was stored, for operations only'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    event_id, revision, cause, recorded_at, kind, site_id, site_county, device_id, occurred_at, received_at, arrived_on,
    person_key, name_masked, document_type, document_last4, birth_year, phone_last4, nationality, origin_code, origin_method,
    stay_codes, stay_from, stay_to, destination_status, destination_method, destination_score, destination_county,
    destination_street, destination_village, destination_outside, destination_candidates, destination_mismatch, unit, unit_level,
    county_code, desk_reason, risk, decision, decided_by, rules, findings, temperature_c, symptoms, purpose, lodging, party_id,
    vehicle_key, plate_region, vehicle_role, vehicle_seat, pass_id, train, train_pair, service_date, coach, seat, from_station,
    to_station, quality, reference_version, gazetteer_edition, key_id, stored_at
FROM {database}.arrival_versions FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'Every version of every arrival, masked';

CREATE VIEW IF NOT EXISTS {database}.v_alerts{on_cluster}
(
    alert_id String COMMENT 'Identity of the alert: event, rule, rule version',
    event_id UUID COMMENT 'The arrival',
    revision UInt64 COMMENT 'Version of the arrival that raised it',
    rule LowCardinality(String) COMMENT 'Rule that raised it',
    rule_version UInt32 COMMENT 'Version of the rule',
    unit LowCardinality(String) COMMENT 'Responsible unit',
    county_code LowCardinality(String) COMMENT 'Responsible county',
    risk LowCardinality(String) COMMENT 'Risk found',
    decision LowCardinality(String) COMMENT 'Decision taken',
    site_id LowCardinality(String) COMMENT 'Checkpoint or station',
    occurred_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the person was scanned',
    recorded_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the city knew it',
    temperature_c Nullable(Decimal(4, 1)) COMMENT 'Temperature in °C; NULL when missing',
    grade_row LowCardinality(String) COMMENT 'Grade row the alert rests on',
    stored_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the row was stored, for operations only'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    alert_id, event_id, revision, rule, rule_version, unit, county_code, risk, decision, site_id, occurred_at, recorded_at,
    temperature_c, grade_row, stored_at
FROM {database}.alerts FINAL
COMMENT 'Alerts, each once';

CREATE VIEW IF NOT EXISTS {database}.v_dead_letters{on_cluster}
(
    dead_letter_id String COMMENT 'Identity of the dead letter',
    stage LowCardinality(String) COMMENT 'Part that refused the record: gateway, router, sink, import',
    reason LowCardinality(String) COMMENT 'Stable word for the reason',
    detail String COMMENT 'Fields and positions concerned; no values',
    recorded_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When it was refused',
    topic LowCardinality(String) COMMENT 'Topic of the original record; empty when there is none',
    partition Nullable(UInt16) COMMENT 'Partition of the original record',
    offset Nullable(UInt64) COMMENT 'Offset of the original record',
    event_id String COMMENT 'Identity of the scan, where it could be read',
    device_id LowCardinality(String) COMMENT 'Device, where known',
    site_id LowCardinality(String) COMMENT 'Site, where known',
    reference_version Nullable(UInt64) COMMENT 'Reference version in use',
    key_id LowCardinality(String) COMMENT 'Day key under which the payload is sealed',
    payload_bytes UInt64 COMMENT 'Length of the original bytes',
    state LowCardinality(String) COMMENT 'open, replayed or discarded',
    handled_at Nullable(DateTime64(3, 'Asia/Shanghai')) COMMENT 'When somebody handled it',
    handled_by LowCardinality(String) COMMENT 'Who handled it',
    note String COMMENT 'Why it was handled that way',
    stored_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the row was stored, for operations only'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    dead_letter_id, stage, reason, detail, recorded_at, topic, partition, offset, event_id, device_id, site_id, reference_version,
    key_id, payload_bytes, state, handled_at, handled_by, note, stored_at
FROM {database}.dead_letters FINAL
COMMENT 'Refused records without their content';

CREATE VIEW IF NOT EXISTS {database}.v_duplicates{on_cluster}
(
    event_id UUID COMMENT 'The scan that was posted again',
    device_id LowCardinality(String) COMMENT 'Device that posted it again',
    recorded_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When it was posted again',
    stored_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the row was stored, for operations only'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    event_id, device_id, recorded_at, stored_at
FROM {database}.duplicates FINAL
COMMENT 'Repeated posts';

CREATE VIEW IF NOT EXISTS {database}.v_flows_hourly{on_cluster}
(
    hour DateTime('Asia/Shanghai') COMMENT 'Hour of the scan',
    arrived_on Date COMMENT 'Local day of the arrival',
    site_id LowCardinality(String) COMMENT 'Checkpoint or station',
    site_county LowCardinality(String) COMMENT 'County of the site',
    kind LowCardinality(String) COMMENT 'checkpoint or rail',
    origin_province String COMMENT 'Province code of the origin, 2 digits',
    origin_city String COMMENT 'City code of the origin, 4 digits',
    county_code LowCardinality(String) COMMENT 'Responsible county',
    risk LowCardinality(String) COMMENT 'high, medium, low or unknown',
    decision LowCardinality(String) COMMENT 'Decision in force',
    arrivals UInt64 COMMENT 'Number of arrivals'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    toStartOfHour(occurred_at) AS hour, arrived_on, site_id, site_county, kind,
    substring(origin_code, 1, 2) AS origin_province, substring(origin_code, 1, 4) AS origin_city,
    county_code, risk, decision, count() AS arrivals
FROM {database}.arrivals_latest FINAL
GROUP BY hour, arrived_on, site_id, site_county, kind, origin_province, origin_city, county_code, risk, decision
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'Arrivals by hour, site, origin, county, risk and decision, as decided now';

CREATE VIEW IF NOT EXISTS {database}.v_ingest_ranges{on_cluster}
(
    topic LowCardinality(String) COMMENT 'Topic',
    topic_id LowCardinality(String) COMMENT 'Identity Kafka gave the topic',
    partition UInt16 COMMENT 'Partition',
    first_offset Int64 COMMENT 'First offset',
    last_offset Int64 COMMENT 'Last offset',
    token String COMMENT 'Deduplication token of the insert',
    state String COMMENT 'pending or stored',
    records UInt32 COMMENT 'Records in the range',
    dead UInt32 COMMENT 'Of these, dead letters',
    sink LowCardinality(String) COMMENT 'Process that wrote the line',
    noted_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the line was written'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    topic, topic_id, partition, first_offset, last_offset, token, if(done = 1, 'stored', 'pending') AS state, records, dead, sink, noted_at
FROM {database}.ingest_ranges FINAL
COMMENT 'Offset ranges of the sinks';
