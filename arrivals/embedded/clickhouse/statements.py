"""What has to be known of a statement's text before the engine sees it: pure functions over a masked copy.

The engine parses SQL itself; here only the head of an INSERT, a trailing FORMAT and words that must not occur are looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKENS = re.compile(
    r"(?P<comment>--[^\n]*|\#[ !][^\n]*|/\*.*?(?:\*/|$))"
    r"|(?P<string>'(?:[^'\\]|\\.|'')*(?:'|$))"
    r"|(?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r"|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"",
    re.DOTALL,
)
_NAME = r"(?:\w+|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\")"
_INSERT = re.compile(
    rf"\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?!FUNCTION\b)(?P<target>{_NAME}(?:\s*\.\s*{_NAME})?)"
    r"\s*(?P<columns>\((?:[^()`\"]|`[^`]*`|\"[^\"]*\")*\))?"
    r"(?P<settings>\s*SETTINGS\s+\w+\s*=\s*[^\s,();]+(?:\s*,\s*\w+\s*=\s*[^\s,();]+)*)?"
    r"\s*(?P<tail>VALUES\b|FORMAT\s+(?P<format>\w+)|;?\s*$)",
    re.IGNORECASE,
)
_FORMAT = re.compile(r"\s+FORMAT\s+(?P<format>\w+)(?P<settings>\s+SETTINGS\s+[^;]*)?\s*;?\s*$", re.IGNORECASE)
_OUTFILE = re.compile(r"\bINTO\s+OUTFILE\b", re.IGNORECASE)
_SESSION = re.compile(r"\s*(?:SET\s+(?P<setting>\w+)\s*=|USE\s)", re.IGNORECASE)
#: `file` reads any file of this machine and `python` objects of this process without a privilege being asked for; the others run
#: text that is not looked at here, or can name a function through a parameter.
_FORBIDDEN_TO_READERS = re.compile(r"\b(?:file|python|eval|arrowstream|Identifier)\b|[`\"][^`\"]*\\", re.IGNORECASE)
_KEPT_FROM_READERS = frozenset({"profile", "role", "readonly", "dialect", "log_comment"})


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows follow at `data_at`: `head` ends behind the columns, which are None for all insertable ones."""

    head: str
    settings: str
    target: str
    columns: tuple[str, ...] | None
    format: str
    data_at: int


def masked(sql: str) -> str:
    """`sql` with comments blanked and the inside of strings replaced, every character at its place."""

    def mask(found: re.Match[str]) -> str:
        if found["comment"] is not None:
            return " " * len(found[0])
        if found["string"] is not None or found["heredoc"] is not None:
            return "'" + "x" * (len(found[0]) - 2) + "'" if len(found[0]) > 1 else "'"
        return found[0]

    return _TOKENS.sub(mask, sql)


def insert_head(sql: str, *, most: int = 65536) -> Insert | None:
    """The head of `INSERT INTO t …` with VALUES, a FORMAT or nothing behind it; None for any other statement."""
    found = _INSERT.match(masked(sql[:most]))
    if not found:
        return None
    columns = None
    if found["columns"] is not None:
        start, end = found.span("columns")
        columns = tuple(_unquoted(name) for name in sql[start + 1 : end - 1].split(","))
    end = found.end("columns") if found["columns"] is not None else found.end("target")
    return Insert(
        sql[:end],
        sql[found.start("settings") : found.end("settings")] if found["settings"] else "",
        sql[found.start("target") : found.end("target")],
        None if columns == ("*",) else columns,
        found["format"] or "Values",
        found.end(),
    )


def _unquoted(name: str) -> str:
    return ".".join(part.strip('`"') for part in re.findall(_NAME, name)) or name.strip()


def without_format(sql: str) -> tuple[str, str | None]:
    """`sql` without a FORMAT clause at its end, and the format it named."""
    found = _FORMAT.search(masked(sql))
    if not found:
        return sql, None
    settings = sql[found.start("settings") : found.end("settings")] if found["settings"] else ""
    return sql[: found.start()] + settings, found["format"]


def writes_file(sql: str) -> bool:
    """Whether the statement has an INTO OUTFILE clause, which the engine would carry out on this machine."""
    return insert_head(sql) is None and bool(_OUTFILE.search(masked(sql)))


def session_statement(sql: str) -> bool:
    """Whether this is a plain `SET name = value` or `USE name`, of a setting a reader may set."""
    found = _SESSION.match(text := masked(sql))
    names = re.findall(r"(\w+)\s*=", text)
    return bool(found) and not _KEPT_FROM_READERS & {name.lower() for name in names}


def lasts(sql: str) -> bool:
    """Whether the statement changes the session: SET or USE."""
    return bool(re.match(r"\s*(?:SET|USE)\b", masked(sql), re.IGNORECASE))


def forbidden_to_readers(sql: str) -> bool:
    """Whether the statement names something that only the owner may use and that no privilege of the engine guards."""
    return bool(_FORBIDDEN_TO_READERS.search(masked(sql)))


def allowed_setting(name: str) -> bool:
    """Whether a reader may send this setting along with a query."""
    return name.lower() not in _KEPT_FROM_READERS


def quoted(value: str) -> str:
    """`value` as a string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """`name` as a quoted identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
