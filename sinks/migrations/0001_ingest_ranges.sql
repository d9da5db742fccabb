-- The sink's own book: which offset ranges were begun and which are stored. Written before and after every insert.
CREATE DATABASE IF NOT EXISTS {database}{on_cluster};

CREATE TABLE IF NOT EXISTS {database}.ingest_ranges{on_cluster}
(
    topic LowCardinality(String) COMMENT 'Topic as in the topic table, without prefix',
    topic_id LowCardinality(String) COMMENT 'Identity Kafka gave the topic; another one means the topic was created anew',
    partition UInt16 COMMENT 'Partition',
    first_offset Int64 COMMENT 'First offset of the range',
    last_offset Int64 COMMENT 'Last offset of the range; one less than the first for an empty range',
    token String COMMENT 'Deduplication token of the insert; ranges inserted together share it',
    done UInt8 COMMENT '0 before the insert, 1 once the rows are stored',
    records UInt32 COMMENT 'Records in the range',
    dead UInt32 COMMENT 'Of these, records that became dead letters',
    sink LowCardinality(String) COMMENT 'Process that wrote this line',
    noted_at DateTime64(3, 'Asia/Shanghai') DEFAULT now64(3) COMMENT 'When this line was written'
)
ENGINE = {replicated}ReplacingMergeTree(done)
ORDER BY (topic, partition, first_offset, last_offset, token)
COMMENT 'Offset ranges of the sinks: pending and stored';
