-- Refused records, whole and sealed, and repeated posts: what the audit needs to account for every post.
CREATE TABLE IF NOT EXISTS {database}.dead_letters{on_cluster}
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
    payload_sealed String COMMENT 'The original bytes, sealed',
    payload_bytes UInt64 COMMENT 'Length of the original bytes',
    state LowCardinality(String) COMMENT 'open, replayed or discarded',
    handled_at Nullable(DateTime64(3, 'Asia/Shanghai')) COMMENT 'When somebody handled it',
    handled_by LowCardinality(String) COMMENT 'Who handled it',
    note String COMMENT 'Why it was handled that way',
    kafka_partition UInt16 COMMENT 'Partition of the record on its topic',
    kafka_offset UInt64 COMMENT 'Offset of the record on its topic',
    stored_at DateTime64(3, 'Asia/Shanghai') DEFAULT now64(3) COMMENT 'When the row was stored, for operations only',
    changed_at DateTime64(3, 'Asia/Shanghai') MATERIALIZED coalesce(handled_at, recorded_at)
        COMMENT 'The latest change wins: refused, then handled'
)
ENGINE = {replicated}ReplacingMergeTree(changed_at)
ORDER BY dead_letter_id
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Refused records, sealed';

CREATE TABLE IF NOT EXISTS {database}.duplicates{on_cluster}
(
    event_id UUID COMMENT 'The scan that was posted again',
    device_id LowCardinality(String) COMMENT 'Device that posted it again',
    recorded_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When it was posted again',
    kafka_partition UInt16 COMMENT 'Partition of the record on its topic',
    kafka_offset UInt64 COMMENT 'Offset of the record on its topic',
    stored_at DateTime64(3, 'Asia/Shanghai') DEFAULT now64(3) COMMENT 'When the row was stored, for operations only'
)
ENGINE = {replicated}ReplacingMergeTree
ORDER BY (event_id, recorded_at, kafka_partition, kafka_offset)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Repeated posts the gateway answered as such';
