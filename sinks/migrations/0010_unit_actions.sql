-- One row per change of a duty, however often it was published.
CREATE TABLE IF NOT EXISTS {database}.unit_actions{on_cluster}
(
    event_id UUID COMMENT 'The arrival',
    duty_version UInt32 COMMENT 'Number of the change: 1 is the assignment',
    action LowCardinality(String) COMMENT 'What was done, or happened by itself',
    actor LowCardinality(String) COMMENT 'Subject of the credential; desk for what happens by itself',
    role LowCardinality(String) COMMENT 'Role of the credential',
    recorded_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When it was done',
    unit LowCardinality(String) COMMENT 'Accountable unit after the change',
    unit_before LowCardinality(String) COMMENT 'Accountable unit before, where the change moved the duty',
    state LowCardinality(String) COMMENT 'pending, acknowledged, registered, observing or released',
    state_before LowCardinality(String) COMMENT 'State before, where it changed',
    revision UInt64 COMMENT 'Version of the arrival the duty followed',
    risk LowCardinality(String) COMMENT 'Risk then',
    decision LowCardinality(String) COMMENT 'Decision then',
    reason LowCardinality(String) COMMENT 'Reason of a decline or a release',
    has_note Bool COMMENT 'Whether a note was written; its text is sealed at the desk',
    other_unit LowCardinality(String) COMMENT 'Unit of an offer, an escalation or a new decision',
    due_at Nullable(DateTime64(3, 'Asia/Shanghai')) COMMENT 'When the acknowledgement is due',
    observed_until Nullable(Date) COMMENT 'Last day of the observation',
    temperature_c Nullable(Decimal(4, 1)) COMMENT 'Reported temperature in °C',
    measured_at Nullable(DateTime64(3, 'Asia/Shanghai')) COMMENT 'When it was measured',
    symptoms Array(LowCardinality(String)) COMMENT 'Symptoms reported',
    undone LowCardinality(String) COMMENT 'What an undo took back',
    trail_line Nullable(UInt64) COMMENT 'Line of the audit trail that proves the change',
    trail_hash String COMMENT 'Hash of that line',
    kafka_partition UInt16 COMMENT 'Partition of the record on its topic',
    kafka_offset UInt64 COMMENT 'Offset of the record on its topic',
    stored_at DateTime64(3, 'Asia/Shanghai') DEFAULT now64(3) COMMENT 'When the row was stored, for operations only'
)
ENGINE = {replicated}ReplacingMergeTree
ORDER BY (event_id, duty_version)
SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800
COMMENT 'What units did with their arrivals';

CREATE TABLE IF NOT EXISTS {database}.unit_actions_records{on_cluster}
(
    record String,
    kafka_partition UInt16,
    kafka_offset UInt64
)
ENGINE = Null
COMMENT 'Entrance of unit_actions; keeps no rows';

CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.unit_actions_records_feed{on_cluster} TO {database}.unit_actions
AS SELECT
    tupleElement(r, 'event_id') AS event_id,
    tupleElement(r, 'duty_version') AS duty_version,
    tupleElement(r, 'action') AS action,
    tupleElement(r, 'actor') AS actor,
    tupleElement(r, 'role') AS role,
    parseDateTime64BestEffort(tupleElement(r, 'recorded_at'), 3, 'Asia/Shanghai') AS recorded_at,
    tupleElement(r, 'unit') AS unit,
    tupleElement(r, 'unit_before') AS unit_before,
    tupleElement(r, 'state') AS state,
    tupleElement(r, 'state_before') AS state_before,
    tupleElement(r, 'revision') AS revision,
    tupleElement(r, 'risk') AS risk,
    tupleElement(r, 'decision') AS decision,
    tupleElement(r, 'reason') AS reason,
    tupleElement(r, 'has_note') AS has_note,
    tupleElement(r, 'other_unit') AS other_unit,
    if(isNull(tupleElement(r, 'due_at')), NULL, parseDateTime64BestEffort(assumeNotNull(tupleElement(r, 'due_at')), 3, 'Asia/Shanghai')) AS due_at,
    tupleElement(r, 'observed_until') AS observed_until,
    round(tupleElement(r, 'temperature_c'), 1) AS temperature_c,
    if(isNull(tupleElement(r, 'measured_at')), NULL, parseDateTime64BestEffort(assumeNotNull(tupleElement(r, 'measured_at')), 3, 'Asia/Shanghai')) AS measured_at,
    tupleElement(r, 'symptoms') AS symptoms,
    tupleElement(r, 'undone') AS undone,
    tupleElement(r, 'trail_line') AS trail_line,
    tupleElement(r, 'trail_hash') AS trail_hash,
    kafka_partition AS kafka_partition,
    kafka_offset AS kafka_offset
FROM
(
    SELECT JSONExtract(record, 'Tuple(version UInt8, event_id String, duty_version UInt32, action String, actor String, role String, recorded_at String, unit String, unit_before String, state String, state_before String, revision UInt64, risk String, decision String, reason String, has_note Bool, other_unit String, due_at Nullable(String), observed_until Nullable(Date), temperature_c Nullable(Float64), measured_at Nullable(String), symptoms Array(String), undone String, trail_line Nullable(UInt64), trail_hash String)') AS r, kafka_partition, kafka_offset
    FROM {database}.unit_actions_records
)
WHERE throwIf(tupleElement(r, 'version') != 1, 'A record cannot be decoded.') = 0;

CREATE VIEW IF NOT EXISTS {database}.v_unit_actions{on_cluster}
(
    event_id UUID COMMENT 'The arrival',
    duty_version UInt32 COMMENT 'Number of the change: 1 is the assignment',
    action LowCardinality(String) COMMENT 'What was done, or happened by itself',
    actor LowCardinality(String) COMMENT 'Subject of the credential; desk for what happens by itself',
    role LowCardinality(String) COMMENT 'Role of the credential',
    recorded_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When it was done',
    unit LowCardinality(String) COMMENT 'Accountable unit after the change',
    unit_before LowCardinality(String) COMMENT 'Accountable unit before, where the change moved the duty',
    state LowCardinality(String) COMMENT 'pending, acknowledged, registered, observing or released',
    state_before LowCardinality(String) COMMENT 'State before, where it changed',
    revision UInt64 COMMENT 'Version of the arrival the duty followed',
    risk LowCardinality(String) COMMENT 'Risk then',
    decision LowCardinality(String) COMMENT 'Decision then',
    reason LowCardinality(String) COMMENT 'Reason of a decline or a release',
    has_note Bool COMMENT 'Whether a note was written; its text is sealed at the desk',
    other_unit LowCardinality(String) COMMENT 'Unit of an offer, an escalation or a new decision',
    due_at Nullable(DateTime64(3, 'Asia/Shanghai')) COMMENT 'When the acknowledgement is due',
    observed_until Nullable(Date) COMMENT 'Last day of the observation',
    temperature_c Nullable(Decimal(4, 1)) COMMENT 'Reported temperature in °C',
    measured_at Nullable(DateTime64(3, 'Asia/Shanghai')) COMMENT 'When it was measured',
    symptoms Array(LowCardinality(String)) COMMENT 'Symptoms reported',
    undone LowCardinality(String) COMMENT 'What an undo took back',
    trail_line Nullable(UInt64) COMMENT 'Line of the audit trail that proves the change',
    trail_hash String COMMENT 'Hash of that line',
    stored_at DateTime64(3, 'Asia/Shanghai') COMMENT 'When the row was stored, for operations only'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT
    event_id, duty_version, action, actor, role, recorded_at, unit, unit_before, state, state_before, revision, risk, decision,
    reason, has_note, other_unit, due_at, observed_until, temperature_c, measured_at, symptoms, undone, trail_line, trail_hash,
    stored_at
FROM {database}.unit_actions FINAL
COMMENT 'What units did with their arrivals, each change once';
