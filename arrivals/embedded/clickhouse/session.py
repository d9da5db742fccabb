"""What one client sees: its role, settings and current database, queries and inserts. Independent of the protocol it came by.

The settings of a query last for that query: they are set when they differ from the last query's, and taken back when
they are gone.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping
from contextlib import closing
from functools import partial

from arrivals.embedded.clickhouse.blocks import empty_block
from arrivals.embedded.clickhouse.configuration import BASELINE, Role
from arrivals.embedded.clickhouse.engine import Chunk, Engine, Handle
from arrivals.embedded.clickhouse.errors import (
    ACCESS_DENIED,
    NOT_IMPLEMENTED,
    READONLY,
    SYNTAX_ERROR,
    UNKNOWN_SETTING,
    UNKNOWN_TABLE,
    ServerError,
    server_error,
)
from arrivals.embedded.clickhouse.packets import Setting
from arrivals.embedded.clickhouse.results import Columns, native_blocks
from arrivals.embedded.clickhouse.spool import Spool
from arrivals.embedded.clickhouse.statements import (
    Insert,
    allowed_setting,
    forbidden_to_readers,
    identifier,
    lasts,
    quoted,
    session_statement,
    writes_file,
)

_NOT_INSERTABLE = ("MATERIALIZED", "ALIAS")
_COMMENT, _MOST_DESCRIBED = "log_comment", 64
_ONE_LINE = "SETTINGS print_pretty_type_names = 0"


class Session:
    """One client's session on the engine. Used by one thread at a time; `cancel` may come from another."""

    def __init__(self, engine: Engine, role: Role, database: str = "") -> None:
        self._engine = engine
        self._role = role
        self._tag = uuid.uuid4().hex
        self._described: dict[str, Columns | None] = {}
        self._lasting = [f"USE {identifier(database)}"] if database else []
        self._passing: dict[str, str | None] = {}
        self._handle = self._opened({})

    def _opened(self, passing: Mapping[str, str | None]) -> Handle:
        """A new connection to the engine with this session's role, settings and database."""
        handle = self._engine.handle(self._role)
        try:
            if self._role is Role.READER:
                handle.run("SET profile = 'reader'")
            handle.run(_set({_COMMENT: self._tag, **BASELINE[self._role]}))
            for statement in self._lasting:
                handle.run(statement)
            for name, value in passing.items():
                if value is not None:
                    handle.run(_set({name: value}))
        except ServerError:
            handle.close()
            raise
        return handle

    def close(self) -> None:
        self._handle.close()

    def cancel(self) -> None:
        """Asks the engine to end what this session is running."""
        self._engine.kill(self._tag)

    def query(
        self,
        sql: str,
        settings: Mapping[str, Setting],
        output: str = "Native",
        params: dict[str, str] | None = None,
    ) -> Generator[Chunk]:
        """Runs a statement and yields its result in pieces. Formats with a head or foot must be asked for with `document`."""
        kind = self._prepare(sql, settings)
        yield from self._handle.stream(sql, output, params or {})
        self._remember(kind, sql)

    def document(self, sql: str, settings: Mapping[str, Setting], output: str, params: dict[str, str]) -> Chunk:
        """Runs a statement and returns the whole result in one piece, which is held in memory."""
        kind = self._prepare(sql, settings)
        chunk = self._handle.run(sql, output, params)
        self._remember(kind, sql)
        return chunk

    def kind(self, sql: str) -> str:
        """What the statement does, as `Handle.classify` names it."""
        return self._handle.classify(sql)[0]

    def native(self, sql: str, settings: Mapping[str, Setting], params: dict[str, str] | None = None) -> Generator[Chunk]:
        """As `query`, in single blocks of the Native format, behind one without rows that tells the columns."""
        with closing(self.query(sql, settings, "Native", params)) as chunks:
            if self.kind(sql) == "READ_ONLY":
                ended, running = partial(_columns, self._handle, sql, params), partial(self._beside, sql, params)
                yield from native_blocks(chunks, ended, running)
            else:
                yield from (chunk for chunk in chunks if chunk.data)

    def _beside(self, sql: str, params: dict[str, str] | None) -> Columns | None:
        """The columns of a running query, asked for on a connection of its own; not known when it uses temporary tables."""
        if sql not in self._described:
            handle = self._opened(self._passing)
            try:
                self._described[sql] = _columns(handle, sql, params)
            except ServerError as error:
                if error.code != UNKNOWN_TABLE:
                    raise
                return None
            finally:
                handle.close()
            if len(self._described) > _MOST_DESCRIBED:
                del self._described[next(iter(self._described))]
        return self._described[sql]

    def spool(self) -> Spool:
        """Where the rows of an insert are gathered. Raises ServerError 164 for readers."""
        if self._role is Role.READER:
            raise server_error(READONLY, "Cannot execute query in readonly mode.")
        return self._engine.spool()

    def insert(self, insert: Insert, settings: Mapping[str, Setting], input_format: str, rows: Spool) -> Chunk:
        """Inserts gathered rows, all or none up to a million at a time, and returns what was written."""
        self._apply(settings)
        return self._handle.run(f"{insert.head} FROM INFILE {quoted(rows.path)} {insert.settings} FORMAT {input_format}")

    def sample(self, insert: Insert) -> bytes:
        """The block without rows that tells a client which columns, of which types, the insert takes."""
        described = {
            name: (kind, default) for name, kind, default, *_ in self._handle.rows(f"DESCRIBE TABLE {insert.target} {_ONE_LINE}")
        }
        names = insert.columns
        if names is None:
            names = tuple(n for n, (_, default) in described.items() if default not in (*_NOT_INSERTABLE, "EPHEMERAL"))
        unknown = [name for name in names if name not in described or described[name][1] in _NOT_INSERTABLE]
        if unknown:
            with self.spool() as nothing:
                self.insert(insert, {}, "Native", nothing)  # the engine words this error itself
            raise server_error(NOT_IMPLEMENTED, f"The column list of the INSERT is not understood: {', '.join(unknown)}.")
        return empty_block([(name, described[name][0]) for name in names])

    def _prepare(self, sql: str, settings: Mapping[str, Setting]) -> str:
        kind, count = self._handle.classify(sql)
        if count == 0:
            raise server_error(SYNTAX_ERROR, "Syntax error: Empty query.")
        if count > 1:
            raise server_error(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed).")
        if writes_file(sql):
            raise server_error(NOT_IMPLEMENTED, "INTO OUTFILE is a feature of the client; the server does not write files.")
        if self._role is Role.READER:
            _guard_reader(kind, sql, settings)
        self._apply(settings)
        return kind

    def _remember(self, kind: str, sql: str) -> None:
        if kind == "CONTROL" and lasts(sql):
            self._lasting = [*(old for old in self._lasting if old != sql), sql]
            self._set({_COMMENT: self._tag})  # a SET may have replaced what `cancel` looks for

    def _apply(self, settings: Mapping[str, Setting]) -> None:
        wanted = {name: setting.value for name, setting in settings.items()}
        if comment := wanted.get(_COMMENT):
            wanted[_COMMENT] = f"{self._tag} {comment}"
        gone = self._passing.keys() - wanted.keys()
        if gone:
            self._take_back(gone)
        changed = {name: value for name, value in wanted.items() if self._passing.get(name) != value}
        self._passing.update(dict.fromkeys(changed))  # of unknown value until they are set
        try:
            self._set(changed)
        except ServerError as error:
            if error.code != UNKNOWN_SETTING:
                raise
            changed = self._set_known(changed, settings)
        self._passing.update(changed)

    def _set_known(self, changed: dict[str, str], settings: Mapping[str, Setting]) -> dict[str, str]:
        """As a server does: settings it does not know are passed over unless the client calls them important."""
        for name, value in changed.items():
            try:
                self._set({name: value})
            except ServerError as error:
                if error.code != UNKNOWN_SETTING or settings[name].important:
                    raise
        return changed

    def _take_back(self, names: set[str]) -> None:
        baseline = {_COMMENT: self._tag, **BASELINE[self._role]}
        values = [f"{name} = {quoted(baseline[name]) if name in baseline else 'DEFAULT'}" for name in sorted(names)]
        try:
            self._handle.run(f"SET {', '.join(values)}")
            for statement in self._lasting:
                self._handle.run(statement)
        except ServerError:  # a query that set readonly cannot take it back: begin again
            self.close()
            self._passing = {}
            self._handle = self._opened({})
        self._passing = {name: value for name, value in self._passing.items() if name not in names}

    def _set(self, values: Mapping[str, str]) -> None:
        if values:
            self._handle.run(_set(values))


def _set(values: Mapping[str, str]) -> str:
    return "SET " + ", ".join(f"{_word(name)} = {quoted(value)}" for name, value in values.items())


def _columns(handle: Handle, sql: str, params: dict[str, str] | None) -> Columns | None:
    """The columns of a SELECT; None for statements that are not one, such as SHOW."""
    try:
        described = handle.rows(f"DESCRIBE TABLE (\n{sql.rstrip().rstrip(';')}\n) {_ONE_LINE}", params)
    except ServerError as error:
        if error.code == SYNTAX_ERROR:
            return None
        raise
    return [(name, kind) for name, kind, *_ in described]


def _word(name: str) -> str:
    if not name.replace("_", "a").isalnum():
        raise server_error(UNKNOWN_SETTING, "A setting's name has characters no setting has.")
    return name


def _guard_reader(kind: str, sql: str, settings: Mapping[str, Setting]) -> None:
    """Refuses what the engine's privileges do not: leaving the role, and functions that ask for no privilege."""
    if kind != "READ_ONLY" and not (kind == "CONTROL" and session_statement(sql)):
        raise server_error(READONLY, "Cannot execute query in readonly mode.")
    if forbidden_to_readers(sql) or not all(map(allowed_setting, settings)):
        raise server_error(ACCESS_DENIED, "Not enough privileges: a reader may select from the views only.")
