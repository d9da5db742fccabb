-- Where the sink inserts: each record as it came, beside its coordinates. A feed decodes it into its table; the records are not kept.
-- The queries are those of `sinks.feeds` for the declaration; a change of it is a new migration with ALTER TABLE … MODIFY QUERY.
CREATE TABLE IF NOT EXISTS {database}.arrivals_records{on_cluster}
(
    record String,
    kafka_partition UInt16,
    kafka_offset UInt64
)
ENGINE = Null
COMMENT 'Entrance of arrival_versions; keeps no rows';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.arrivals_records_feed{on_cluster} TO {database}.arrivals_landing
AS SELECT
    r.event_id AS event_id,
    r.revision AS revision,
    r.cause AS cause,
    parseDateTime64BestEffort(r.recorded_at, 3, 'Asia/Shanghai') AS recorded_at,
    r.kind AS kind,
    r.site_id AS site_id,
    r.site_county AS site_county,
    r.device_id AS device_id,
    parseDateTime64BestEffort(r.occurred_at, 3, 'Asia/Shanghai') AS occurred_at,
    parseDateTime64BestEffort(r.received_at, 3, 'Asia/Shanghai') AS received_at,
    r.arrived_on AS arrived_on,
    r.person.key AS person_key,
    r.person.name_masked AS name_masked,
    r.person.document_type AS document_type,
    r.person.document_last4 AS document_last4,
    r.person.birth_year AS birth_year,
    r.person.phone_last4 AS phone_last4,
    r.person.nationality AS nationality,
    r.origin_code AS origin_code,
    r.origin_method AS origin_method,
    r.stays.code AS stay_codes,
    r.stays.from_day AS stay_from,
    r.stays.to_day AS stay_to,
    r.destination.status AS destination_status,
    r.destination.method AS destination_method,
    r.destination.score AS destination_score,
    r.destination.county_code AS destination_county,
    r.destination.street_code AS destination_street,
    r.destination.village_code AS destination_village,
    r.destination.outside_code AS destination_outside,
    r.destination.candidates AS destination_candidates,
    r.destination.mismatch AS destination_mismatch,
    r.unit AS unit,
    r.unit_level AS unit_level,
    r.county_code AS county_code,
    r.desk_reason AS desk_reason,
    r.risk AS risk,
    r.decision AS decision,
    r.decided_by AS decided_by,
    JSONExtract(r.findings, 'Array(Tuple(rule String))').rule AS rules,
    r.findings AS findings,
    round(r.temperature_c, 1) AS temperature_c,
    r.symptoms AS symptoms,
    r.purpose AS purpose,
    r.lodging AS lodging,
    r.party_id AS party_id,
    r.vehicle.key AS vehicle_key,
    r.vehicle.region AS plate_region,
    r.vehicle.role AS vehicle_role,
    r.vehicle.seat AS vehicle_seat,
    r.vehicle.pass_id AS pass_id,
    r.rail.train AS train,
    r.rail.train_pair AS train_pair,
    r.rail.service_date AS service_date,
    r.rail.coach AS coach,
    r.rail.seat AS seat,
    r.rail.from_station AS from_station,
    r.rail.to_station AS to_station,
    r.quality AS quality,
    r.reference_version AS reference_version,
    r.gazetteer_edition AS gazetteer_edition,
    r.sealed.key_id AS key_id,
    r.sealed.identity AS sealed_identity,
    r.sealed.address AS sealed_address,
    kafka_partition AS kafka_partition,
    kafka_offset AS kafka_offset
FROM
(
    SELECT JSONExtract(record, 'Tuple(version UInt8, event_id String, revision UInt64, cause String, recorded_at String, kind String, site_id String, site_county String, device_id String, occurred_at String, received_at String, arrived_on Date, origin_code String, origin_method String, unit String, unit_level String, county_code String, desk_reason String, risk String, decision String, decided_by String, findings String, temperature_c Nullable(Float64), symptoms Array(String), purpose String, lodging String, party_id String, quality Array(String), reference_version UInt64, gazetteer_edition String, person Tuple(key String, name_masked String, document_type String, document_last4 String, birth_year Nullable(UInt16), phone_last4 String, nationality String), stays Array(Tuple(code String, from_day Date, to_day Date)), destination Tuple(status String, method String, score Float32, county_code String, street_code String, village_code String, outside_code String, candidates Array(String), mismatch String), vehicle Tuple(key String, region String, role String, seat String, pass_id String), rail Tuple(train String, train_pair String, service_date Nullable(Date), coach String, seat String, from_station String, to_station String), sealed Tuple(key_id String, identity String, address String))') AS r, kafka_partition, kafka_offset
    FROM {database}.arrivals_records
)
WHERE throwIf(r.version != 1, 'A record cannot be decoded.') = 0;

CREATE TABLE IF NOT EXISTS {database}.alerts_records{on_cluster}
(
    record String,
    kafka_partition UInt16,
    kafka_offset UInt64
)
ENGINE = Null
COMMENT 'Entrance of alerts; keeps no rows';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.alerts_records_feed{on_cluster} TO {database}.alerts
AS SELECT
    r.alert_id AS alert_id,
    r.event_id AS event_id,
    r.revision AS revision,
    r.rule AS rule,
    r.rule_version AS rule_version,
    r.unit AS unit,
    r.county_code AS county_code,
    r.risk AS risk,
    r.decision AS decision,
    r.site_id AS site_id,
    parseDateTime64BestEffort(r.occurred_at, 3, 'Asia/Shanghai') AS occurred_at,
    parseDateTime64BestEffort(r.recorded_at, 3, 'Asia/Shanghai') AS recorded_at,
    round(r.temperature_c, 1) AS temperature_c,
    r.grade_row AS grade_row,
    kafka_partition AS kafka_partition,
    kafka_offset AS kafka_offset
FROM
(
    SELECT JSONExtract(record, 'Tuple(version UInt8, alert_id String, event_id String, revision UInt64, rule String, rule_version UInt32, unit String, county_code String, risk String, decision String, site_id String, occurred_at String, recorded_at String, temperature_c Nullable(Float64), grade_row String)') AS r, kafka_partition, kafka_offset
    FROM {database}.alerts_records
)
WHERE throwIf(r.version != 1, 'A record cannot be decoded.') = 0;

CREATE TABLE IF NOT EXISTS {database}.dead_letters_records{on_cluster}
(
    record String,
    kafka_partition UInt16,
    kafka_offset UInt64
)
ENGINE = Null
COMMENT 'Entrance of dead_letters; keeps no rows';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.dead_letters_records_feed{on_cluster} TO {database}.dead_letters
AS SELECT
    r.dead_letter_id AS dead_letter_id,
    r.stage AS stage,
    r.reason AS reason,
    r.detail AS detail,
    parseDateTime64BestEffort(r.recorded_at, 3, 'Asia/Shanghai') AS recorded_at,
    r.topic AS topic,
    r.partition AS partition,
    r.offset AS offset,
    r.event_id AS event_id,
    r.device_id AS device_id,
    r.site_id AS site_id,
    r.reference_version AS reference_version,
    r.key_id AS key_id,
    r.payload_sealed AS payload_sealed,
    r.payload_bytes AS payload_bytes,
    r.state AS state,
    if(isNull(r.handled_at), NULL, parseDateTime64BestEffort(assumeNotNull(r.handled_at), 3, 'Asia/Shanghai')) AS handled_at,
    r.handled_by AS handled_by,
    r.note AS note,
    kafka_partition AS kafka_partition,
    kafka_offset AS kafka_offset
FROM
(
    SELECT JSONExtract(record, 'Tuple(version UInt8, dead_letter_id String, stage String, reason String, detail String, recorded_at String, topic String, partition Nullable(UInt16), offset Nullable(UInt64), event_id String, device_id String, site_id String, reference_version Nullable(UInt64), key_id String, payload_sealed String, payload_bytes UInt64, state String, handled_at Nullable(String), handled_by String, note String)') AS r, kafka_partition, kafka_offset
    FROM {database}.dead_letters_records
)
WHERE throwIf(r.version != 1, 'A record cannot be decoded.') = 0;

CREATE TABLE IF NOT EXISTS {database}.duplicates_records{on_cluster}
(
    record String,
    kafka_partition UInt16,
    kafka_offset UInt64
)
ENGINE = Null
COMMENT 'Entrance of duplicates; keeps no rows';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.duplicates_records_feed{on_cluster} TO {database}.duplicates
AS SELECT
    r.event_id AS event_id,
    r.device_id AS device_id,
    parseDateTime64BestEffort(r.recorded_at, 3, 'Asia/Shanghai') AS recorded_at,
    kafka_partition AS kafka_partition,
    kafka_offset AS kafka_offset
FROM
(
    SELECT JSONExtract(record, 'Tuple(version UInt8, event_id String, device_id String, recorded_at String)') AS r, kafka_partition, kafka_offset
    FROM {database}.duplicates_records
)
WHERE throwIf(r.version != 1, 'A record cannot be decoded.') = 0;
