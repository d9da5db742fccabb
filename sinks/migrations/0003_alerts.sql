-- One row per alert, however often its arrival is decided again.
CREATE TABLE IF NOT EXISTS {database}.alerts{on_cluster}
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
    kafka_partition UInt16 COMMENT 'Partition of the record on its topic',
    kafka_offset UInt64 COMMENT 'Offset of the record on its topic',
    stored_at DateTime64(3, 'Asia/Shanghai') DEFAULT now64(3) COMMENT 'When the row was stored, for operations only'
)
ENGINE = {replicated}ReplacingMergeTree(revision)
ORDER BY alert_id
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'Alerts for desks';
