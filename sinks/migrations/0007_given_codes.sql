-- The codes as they stood in the scan: with them a stored arrival holds all that is needed to decide it again.
ALTER TABLE {database}.arrival_versions{on_cluster}
    ADD COLUMN IF NOT EXISTS origin_given LowCardinality(String) COMMENT 'Code of the origin as the scan gave it' AFTER origin_method,
    ADD COLUMN IF NOT EXISTS destination_given LowCardinality(String) COMMENT 'Code of the destination as the scan gave it' AFTER origin_given;

ALTER TABLE {database}.arrivals_latest{on_cluster}
    ADD COLUMN IF NOT EXISTS origin_given LowCardinality(String) COMMENT 'Code of the origin as the scan gave it' AFTER origin_method,
    ADD COLUMN IF NOT EXISTS destination_given LowCardinality(String) COMMENT 'Code of the destination as the scan gave it' AFTER origin_given;

ALTER TABLE {database}.arrivals_landing{on_cluster}
    ADD COLUMN IF NOT EXISTS origin_given String AFTER origin_method,
    ADD COLUMN IF NOT EXISTS destination_given String AFTER origin_given;

ALTER TABLE {database}.arrival_versions_feed{on_cluster} MODIFY QUERY SELECT * FROM {database}.arrivals_landing;

ALTER TABLE {database}.arrivals_latest_feed{on_cluster} MODIFY QUERY
SELECT * EXCEPT (sealed_identity, sealed_address, kafka_partition, kafka_offset) FROM {database}.arrivals_landing;
