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
