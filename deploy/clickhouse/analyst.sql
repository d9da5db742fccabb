-- A read-only user for analysts on a real ClickHouse server. Run as an administrator, once per server (or with ON CLUSTER):
--   clickhouse-client --multiquery --param_password='…' < analyst.sql
-- readonly = 1 alone breaks Grafana, which sets max_execution_time on every query: that one setting may be changed, up to 30 s.
-- The user sees the views only. Their definer reads the tables below; nobody needs a grant on those, and no SOURCES are granted, so url(), file(),
-- remote() and s3() are refused.

CREATE SETTINGS PROFILE IF NOT EXISTS arrivals_analyst SETTINGS
    readonly = 1,
    max_execution_time = 30 MIN 1 MAX 30 CHANGEABLE_IN_READONLY,
    max_memory_usage = 4000000000,
    max_result_rows = 10000000,
    max_threads = 4,
    priority = 10;

CREATE ROLE IF NOT EXISTS arrivals_analyst SETTINGS PROFILE 'arrivals_analyst';

CREATE QUOTA IF NOT EXISTS arrivals_analyst KEYED BY user_name
    FOR INTERVAL 1 hour MAX queries = 5000, execution_time = 1800 TO arrivals_analyst;

GRANT SELECT ON arrivals.v_arrivals TO arrivals_analyst;
GRANT SELECT ON arrivals.v_arrival_history TO arrivals_analyst;
GRANT SELECT ON arrivals.v_alerts TO arrivals_analyst;
GRANT SELECT ON arrivals.v_duplicates TO arrivals_analyst;
GRANT SELECT ON arrivals.v_flows_hourly TO arrivals_analyst;
GRANT SELECT ON arrivals.v_dead_letters TO arrivals_analyst;
GRANT SELECT ON arrivals.v_ingest_ranges TO arrivals_analyst;
GRANT SELECT ON arrivals.v_unit_actions TO arrivals_analyst;
GRANT SELECT ON arrivals.v_checkins TO arrivals_analyst;

CREATE USER IF NOT EXISTS analyst IDENTIFIED WITH sha256_password BY {password:String} DEFAULT ROLE arrivals_analyst;
GRANT arrivals_analyst TO analyst;
