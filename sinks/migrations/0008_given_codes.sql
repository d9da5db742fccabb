-- The codes as they stood in the scan: with them a stored arrival holds all that is needed to decide it again.
ALTER TABLE {database}.arrival_versions{on_cluster}
    ADD COLUMN IF NOT EXISTS origin_given LowCardinality(String) COMMENT 'Code of the origin as the scan gave it' AFTER origin_method,
    ADD COLUMN IF NOT EXISTS destination_given LowCardinality(String) COMMENT 'Code of the destination as the scan gave it' AFTER origin_given;

ALTER TABLE {database}.arrivals_latest{on_cluster}
    ADD COLUMN IF NOT EXISTS origin_given LowCardinality(String) COMMENT 'Code of the origin as the scan gave it' AFTER origin_method,
    ADD COLUMN IF NOT EXISTS destination_given LowCardinality(String) COMMENT 'Code of the destination as the scan gave it' AFTER origin_given;

ALTER TABLE {database}.arrivals_records_feed{on_cluster} MODIFY QUERY
SELECT
    tupleElement(r, 'event_id') AS event_id,
    tupleElement(r, 'revision') AS revision,
    tupleElement(r, 'cause') AS cause,
    parseDateTime64BestEffort(tupleElement(r, 'recorded_at'), 3, 'Asia/Shanghai') AS recorded_at,
    tupleElement(r, 'kind') AS kind,
    tupleElement(r, 'site_id') AS site_id,
    tupleElement(r, 'site_county') AS site_county,
    tupleElement(r, 'device_id') AS device_id,
    parseDateTime64BestEffort(tupleElement(r, 'occurred_at'), 3, 'Asia/Shanghai') AS occurred_at,
    parseDateTime64BestEffort(tupleElement(r, 'received_at'), 3, 'Asia/Shanghai') AS received_at,
    tupleElement(r, 'arrived_on') AS arrived_on,
    tupleElement(tupleElement(r, 'person'), 'key') AS person_key,
    tupleElement(tupleElement(r, 'person'), 'name_masked') AS name_masked,
    tupleElement(tupleElement(r, 'person'), 'document_type') AS document_type,
    tupleElement(tupleElement(r, 'person'), 'document_last4') AS document_last4,
    tupleElement(tupleElement(r, 'person'), 'birth_year') AS birth_year,
    tupleElement(tupleElement(r, 'person'), 'phone_last4') AS phone_last4,
    tupleElement(tupleElement(r, 'person'), 'nationality') AS nationality,
    tupleElement(r, 'origin_code') AS origin_code,
    tupleElement(r, 'origin_method') AS origin_method,
    tupleElement(r, 'origin_given') AS origin_given,
    tupleElement(r, 'destination_given') AS destination_given,
    tupleElement(tupleElement(r, 'stays'), 'code') AS stay_codes,
    tupleElement(tupleElement(r, 'stays'), 'from_day') AS stay_from,
    tupleElement(tupleElement(r, 'stays'), 'to_day') AS stay_to,
    tupleElement(tupleElement(r, 'destination'), 'status') AS destination_status,
    tupleElement(tupleElement(r, 'destination'), 'method') AS destination_method,
    tupleElement(tupleElement(r, 'destination'), 'score') AS destination_score,
    tupleElement(tupleElement(r, 'destination'), 'county_code') AS destination_county,
    tupleElement(tupleElement(r, 'destination'), 'street_code') AS destination_street,
    tupleElement(tupleElement(r, 'destination'), 'village_code') AS destination_village,
    tupleElement(tupleElement(r, 'destination'), 'outside_code') AS destination_outside,
    tupleElement(tupleElement(r, 'destination'), 'candidates') AS destination_candidates,
    tupleElement(tupleElement(r, 'destination'), 'mismatch') AS destination_mismatch,
    tupleElement(r, 'unit') AS unit,
    tupleElement(r, 'unit_level') AS unit_level,
    tupleElement(r, 'county_code') AS county_code,
    tupleElement(r, 'desk_reason') AS desk_reason,
    tupleElement(r, 'risk') AS risk,
    tupleElement(r, 'decision') AS decision,
    tupleElement(r, 'decided_by') AS decided_by,
    JSONExtract(tupleElement(r, 'findings'), 'Array(Tuple(rule String))').rule AS rules,
    tupleElement(r, 'findings') AS findings,
    round(tupleElement(r, 'temperature_c'), 1) AS temperature_c,
    tupleElement(r, 'symptoms') AS symptoms,
    tupleElement(r, 'purpose') AS purpose,
    tupleElement(r, 'lodging') AS lodging,
    tupleElement(r, 'party_id') AS party_id,
    tupleElement(tupleElement(r, 'vehicle'), 'key') AS vehicle_key,
    tupleElement(tupleElement(r, 'vehicle'), 'region') AS plate_region,
    tupleElement(tupleElement(r, 'vehicle'), 'role') AS vehicle_role,
    tupleElement(tupleElement(r, 'vehicle'), 'seat') AS vehicle_seat,
    tupleElement(tupleElement(r, 'vehicle'), 'pass_id') AS pass_id,
    tupleElement(tupleElement(r, 'rail'), 'train') AS train,
    tupleElement(tupleElement(r, 'rail'), 'train_pair') AS train_pair,
    tupleElement(tupleElement(r, 'rail'), 'service_date') AS service_date,
    tupleElement(tupleElement(r, 'rail'), 'coach') AS coach,
    tupleElement(tupleElement(r, 'rail'), 'seat') AS seat,
    tupleElement(tupleElement(r, 'rail'), 'from_station') AS from_station,
    tupleElement(tupleElement(r, 'rail'), 'to_station') AS to_station,
    tupleElement(r, 'quality') AS quality,
    tupleElement(r, 'reference_version') AS reference_version,
    tupleElement(r, 'gazetteer_edition') AS gazetteer_edition,
    tupleElement(tupleElement(r, 'sealed'), 'key_id') AS key_id,
    tupleElement(tupleElement(r, 'sealed'), 'identity') AS sealed_identity,
    tupleElement(tupleElement(r, 'sealed'), 'address') AS sealed_address,
    kafka_partition AS kafka_partition,
    kafka_offset AS kafka_offset
FROM
(
    SELECT JSONExtract(record, 'Tuple(version UInt8, event_id String, revision UInt64, cause String, recorded_at String, kind String, site_id String, site_county String, device_id String, occurred_at String, received_at String, arrived_on Date, origin_code String, origin_method String, origin_given String, destination_given String, unit String, unit_level String, county_code String, desk_reason String, risk String, decision String, decided_by String, findings String, temperature_c Nullable(Float64), symptoms Array(String), purpose String, lodging String, party_id String, quality Array(String), reference_version UInt64, gazetteer_edition String, person Tuple(key String, name_masked String, document_type String, document_last4 String, birth_year Nullable(UInt16), phone_last4 String, nationality String), stays Array(Tuple(code String, from_day Date, to_day Date)), destination Tuple(status String, method String, score Float32, county_code String, street_code String, village_code String, outside_code String, candidates Array(String), mismatch String), vehicle Tuple(key String, region String, role String, seat String, pass_id String), rail Tuple(train String, train_pair String, service_date Nullable(Date), coach String, seat String, from_station String, to_station String), sealed Tuple(key_id String, identity String, address String))') AS r, kafka_partition, kafka_offset
    FROM {database}.arrivals_records
)
WHERE throwIf(tupleElement(r, 'version') != 1, 'A record cannot be decoded.') = 0;

ALTER TABLE {database}.arrivals_latest_feed{on_cluster} MODIFY QUERY
SELECT * EXCEPT (sealed_identity, sealed_address, kafka_partition, kafka_offset) FROM {database}.arrival_versions;
