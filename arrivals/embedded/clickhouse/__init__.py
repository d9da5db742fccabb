"""The ClickHouse engine (chDB) behind ClickHouse's own protocols, for one machine without containers.

    launcher       starts the server as a process (what the supervisor and the tests use)
    __main__       the process: options, signals, one ready line
    listeners      accepts connections, bounds and ends them
    native_server  the native TCP protocol      http_server  the HTTP interface
    session        what one client sees: settings, database, queries, inserts
    engine         opens chDB, its configuration and access control; kills queries
    packets, frames, blocks, source             the wire format, without any value being parsed
    statements     what has to be known of a statement's text

A development and single-site convenience: loopback by default, one process per data folder, no replication.
`docs/embedded-clickhouse.md`.
"""
