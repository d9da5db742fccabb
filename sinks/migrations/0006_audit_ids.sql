-- The audit's own memory: which event lay at which coordinates of `scans` and `arrivals`. Filled only by the audit, read on from where it
-- stopped, so an audit every minute costs what came in since, and stays possible after Kafka's retention.
CREATE TABLE IF NOT EXISTS {database}.audit_ids{on_cluster}
(
    topic LowCardinality(String) COMMENT 'Full topic name',
    topic_id LowCardinality(String) COMMENT 'Identity Kafka gave the topic',
    partition UInt16 COMMENT 'Partition',
    offset UInt64 COMMENT 'Offset',
    event_id UUID COMMENT 'Event in the record; all zero when it names none'
)
ENGINE = {replicated}ReplacingMergeTree
ORDER BY (topic, topic_id, event_id, partition, offset)
COMMENT 'Events by their Kafka coordinates, for the audit';
