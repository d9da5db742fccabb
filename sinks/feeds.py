"""The declaration of a sink -> the query of its feed, the view that decodes records inside ClickHouse. Pure.

Every record was checked before (`sinks.record_types`), so the lenient JSONExtract finds all it is asked for; what the engine
cannot parse at all has no version and stops the insert, never becomes a row of defaults. A migration holds the query as
text; a test compares it with the declaration. `tupleElement` and not `r.name`: of that the engine's analyser makes as many copies
of the whole JSONExtract as there are columns, which took 50 ms of every insert.
"""

from __future__ import annotations

from sinks.tables import INSTANT, Column, Sink


def feed_query(sink: Sink) -> str:
    """The SELECT from the sink's records into its table."""
    selected = ",\n".join(f"    {_expression(column)} AS {column.name}" for column in sink.columns)
    structure = _structure(sink).replace("'", "\\'")
    return (
        f"SELECT\n{selected}\nFROM\n(\n    SELECT JSONExtract(record, '{structure}') AS r, kafka_partition, kafka_offset\n"
        f"    FROM {{database}}.{sink.inserts_into}\n)\n"
        "WHERE throwIf(tupleElement(r, 'version') != 1, 'A record cannot be decoded.') = 0"
    )


def _expression(column: Column) -> str:
    if column.field.startswith("@"):
        return column.name
    path = "r"
    for name in column.field.replace("[]", "").split("."):
        path = f"tupleElement({path}, '{name}')"
    if column.field == "findings[].rule":  # findings are kept whole as text, so their rules are taken from that text
        return "JSONExtract(tupleElement(r, 'findings'), 'Array(Tuple(rule String))').rule"
    if column.type == INSTANT:
        return _instant(path)
    if INSTANT in column.type:
        return f"if(isNull({path}), NULL, {_instant(f'assumeNotNull({path})')})"
    return f"round({path}, 1)" if "Decimal" in column.type else path


def _instant(text: str) -> str:
    return f"parseDateTime64BestEffort({text}, 3, 'Asia/Shanghai')"


def _structure(sink: Sink) -> str:
    """The type of a record as JSONExtract is to read it."""
    own: list[str] = ["version UInt8"]
    nested: dict[str, list[str]] = {}
    for column in sink.columns:
        parent, _, name = column.field.rpartition(".")
        if parent and parent != "findings[]":
            nested.setdefault(parent, []).append(f"{name} {_read_as(column, each=parent.endswith('[]'))}")
        elif not parent and not name.startswith("@"):
            own.append(f"{name} {_read_as(column, each=False)}")
    for parent, fields in nested.items():
        kind = f"Tuple({', '.join(fields)})"
        own.append(f"{parent.removesuffix('[]')} {f'Array({kind})' if parent.endswith('[]') else kind}")
    return f"Tuple({', '.join(own)})"


def _read_as(column: Column, *, each: bool) -> str:
    """Plain text and numbers; the table's own type is made of them on the way in."""
    kind = column.plain_type.replace(INSTANT, "String").replace("Decimal(4, 1)", "Float64")
    return kind.removeprefix("Array(").removesuffix(")") if each else kind
