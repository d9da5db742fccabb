"""What one client sees: its role, settings and current database, queries and inserts. Independent of the protocol it came by.

The settings of a query last for that query: they are set when they differ from the last query's, and taken back when
they are gone.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping

from arrivals.embedded.clickhouse.blocks import empty_block
from arrivals.embedded.clickhouse.configuration import BASELINE, Role
from arrivals.embedded.clickhouse.engine import Chunk, Engine, Inserter
from arrivals.embedded.clickhouse.errors import (
    ACCESS_DENIED,
    NOT_IMPLEMENTED,
    READONLY,
    SYNTAX_ERROR,
    UNKNOWN_SETTING,
    ServerError,
    server_error,
)
from arrivals.embedded.clickhouse.packets import Setting
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
_COMMENT = "log_comment"


class Session:
    """One client's session on the engine. Used by one thread at a time; `cancel` may come from another."""

    def __init__(self, engine: Engine, role: Role, database: str = "") -> None:
        self._engine = engine
        self._role = role
        self._tag = uuid.uuid4().hex
        self._lasting = [f"USE {identifier(database)}"] if database else []
        self._open()

    def _open(self) -> None:
        self._handle = self._engine.handle(self._role)
        self._passing: dict[str, str | None] = {}
        try:
            if self._role is Role.READER:
                self._handle.run("SET profile = 'reader'")
            self._set({_COMMENT: self._tag, **BASELINE[self._role]})
            for statement in self._lasting:
                self._handle.run(statement)
        except ServerError:
            self._handle.close()
            raise

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

    def header(self, sql: str, params: dict[str, str] | None = None) -> bytes | None:
        """The block without rows that tells the columns of a SELECT; None for statements that are not one."""
        try:
            columns = self._handle.rows(f"DESCRIBE TABLE (\n{sql.rstrip().rstrip(';')}\n)", params)
        except ServerError as error:
            if error.code == SYNTAX_ERROR:
                return None
            raise
        return empty_block([(name, kind) for name, kind, *_ in columns])

    def insert(self, insert: Insert, settings: Mapping[str, Setting], input_format: str) -> Inserter:
        """Opens an INSERT whose rows come in `input_format`."""
        self._guard_write()
        self._apply(settings)
        return self._handle.insert(insert.head, input_format)

    def sample(self, insert: Insert) -> bytes:
        """The block without rows that tells a client which columns, of which types, the insert takes."""
        self._guard_write()
        described = {name: (kind, default) for name, kind, default, *_ in self._handle.rows(f"DESCRIBE TABLE {insert.target}")}
        names = insert.columns
        if names is None:
            names = tuple(n for n, (_, default) in described.items() if default not in (*_NOT_INSERTABLE, "EPHEMERAL"))
        unknown = [name for name in names if name not in described or described[name][1] in _NOT_INSERTABLE]
        if unknown:  # the engine words this error itself
            self._handle.insert(insert.head, "Native").__exit__()
            raise server_error(NOT_IMPLEMENTED, f"The column list of the INSERT is not understood: {', '.join(unknown)}.")
        return empty_block([(name, described[name][0]) for name in names])

    def _prepare(self, sql: str, settings: Mapping[str, Setting]) -> str:
        kind, count = self._handle.classify(sql)
        if count == 0:
            raise server_error(SYNTAX_ERROR, "Syntax error: Empty query.")
        if count > 1:
            raise server_error(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed).")
        if kind == "READ_ONLY" and writes_file(sql):
            raise server_error(NOT_IMPLEMENTED, "INTO OUTFILE is a feature of the client; the server does not write files.")
        if self._role is Role.READER:
            _guard_reader(kind, sql, settings)
        self._apply(settings)
        return kind

    def _guard_write(self) -> None:
        if self._role is Role.READER:
            raise server_error(READONLY, "Cannot execute query in readonly mode.")

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
            self._open()
        self._passing = {name: value for name, value in self._passing.items() if name not in names}

    def _set(self, values: Mapping[str, str]) -> None:
        if values:
            self._handle.run("SET " + ", ".join(f"{_word(name)} = {quoted(value)}" for name, value in values.items()))


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
