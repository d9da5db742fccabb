"""Reference rows from the lines of a table people keep: headings and words in Chinese or English, areas by code or name. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any

from reference.area_lookup import areas_named
from reference.rows import row_of
from reference.snapshot import DATA_OF, TABLE_OF, Snapshot
from schemas.base import LOCAL
from schemas.errors import Rejected
from schemas.reference_rows import ReferenceRow

_HEADINGS = {
    "area": "区划代码 行政区划代码 地区代码 地区 地区名称 县区 区县 县(市、区) 县(市区) code area_code county",
    "grade": "等级 风险等级 风险 risk level",
    "valid_from": "生效时间 生效日期 开始时间 开始日期 起 自 from",
    "valid_to": "失效时间 失效日期 截止时间 截止日期 止 至 to until",
    "known_from": "公布时间 公布日期 发布时间 发布日期 published",
    "author": "发布单位 发布机构 公布单位 决定机关 authority",
    "reason": "依据 原因 文件 文号 备注 source",
    "withdrawn": "撤销 作废",
    "unit": "原代码 原单位 原单位代码 单位代码",
    "successors": "新代码 新单位 并入 并入代码 继任代码 successor",
    "names": "新名称 并入名称 继任名称 successor_names",
    "day": "统计日期 日期 date",
    "confirmed": "累计确诊 累计确诊病例 累计 cumulative",
    "new": "新增确诊 新增确诊病例 新增",
    "clusters": "聚集性疫情 聚集性疫情起数 聚集",
    "name": "名称",
    "parent": "上级代码 上级单位代码",
    "aliases": "别名",
    "plate": "车牌 车牌号 车牌号码",
    "pass_id": "通行证号 通行证编号",
    "pass_type": "通行证类型 通行证类别",
}
_GRADES = MappingProxyType(
    {"高风险": "high", "高": "high", "中风险": "medium", "中": "medium", "低风险": "low", "低": "low"},
)
_LISTS = frozenset({"successors", "names", "aliases"})
_TIMES = frozenset({"valid_from", "valid_to", "known_from"})
_BY_NAME = ("area", "unit")
_SEPARATORS = re.compile(r"[;；、|\s]+")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T](\d{1,2}):(\d\d)(?::(\d\d))?)?")
_TRUE = frozenset({"true", "是", "1", "y", "yes"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: its number as a spreadsheet counts, its cells, and the row it makes or why it makes none."""

    number: int
    cells: Mapping[str, str]
    row: ReferenceRow | None
    error: Rejected | None = None


def headings_of(headings: Iterable[str]) -> dict[str, str]:
    """Heading -> column: known ones by any of their names, the others as they are."""
    return {heading: _COLUMNS.get(_fold(heading), _fold(heading)) for heading in headings if heading}


def missing_columns(kind: str, headings: Iterable[str]) -> list[str]:
    """The columns without which no line of a kind makes a row."""
    there = set(headings_of(headings).values())
    return [name for name, field in DATA_OF[kind].model_fields.items() if field.is_required() and name not in {*there, "kind"}]


def held(snapshot: Snapshot, kind: str) -> frozenset[str]:
    """The ids of the rows of a kind that the reference holds."""
    table = getattr(snapshot, TABLE_OF[kind])
    return frozenset(row.row_id for key in table.keys() for row in table.history(key))


def read_lines(kind: str, lines: Iterable[tuple[int, Mapping[str, str]]], snapshot: Snapshot) -> Iterator[Line]:
    """Every line with its number and its cells by heading, as a row or as the reason why not."""
    for number, cells in lines:
        try:
            yield Line(number, cells, read_line(kind, cells, snapshot))
        except Rejected as error:
            yield Line(number, cells, None, error)


def read_line(kind: str, cells: Mapping[str, str], snapshot: Snapshot) -> ReferenceRow:
    """The row in the cells of one line. Raises Rejected naming what is wrong."""
    written: dict[str, str] = {}
    for heading, name in headings_of(cells).items():
        text = (cells[heading] or "").strip()
        if text and not _is_code(written.get(name, "")):  # beside its name the code counts
            written[name] = text
    values = {name: _value(name, text, snapshot) for name, text in written.items()}
    return row_of(kind, values, snapshot.known)


def _is_code(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _value(name: str, text: str, snapshot: Snapshot) -> Any:
    if name in _BY_NAME:
        return area_code(text, snapshot)
    if name in _LISTS:
        parts = [part for part in _SEPARATORS.split(text) if part]
        return [area_code(part, snapshot) for part in parts] if name == "successors" else parts
    if name in _TIMES:
        return _instant(text)
    return _WORDS.get(name, _same)(text)


def area_code(text: str, snapshot: Snapshot) -> str:
    """The code of an area given by code or by name. Raises Rejected for a name that fits none, or more than one."""
    if text[0].isascii():
        return text
    found = areas_named(snapshot.gazetteer, text) or tuple(c for c, name in snapshot.new_names.items() if name == text)
    if len(found) == 1:
        return found[0]
    if found:
        raise Rejected("area_ambiguous", f"'{text}' may be {', '.join(found)}; write the code, or the larger area in front.")
    raise Rejected("area_unknown", f"The gazetteer has no area '{text}'.")


def _instant(text: str) -> str:
    """A day is its first moment in Shangqiu; a full RFC 3339 time stays."""
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    try:
        hour, minute, second = (int(part or 0) for part in match.groups()[3:])
        at = datetime.combine(_day(match), time(hour, minute, second), LOCAL)
    except ValueError:
        raise Rejected("time_invalid", f"'{text}' is no time there was.") from None
    return at.isoformat()


def _day(match: re.Match[str]) -> date:
    return date(int(match[1]), int(match[2]), int(match[3]))


def _plain_day(text: str) -> str:
    match = _DATE.fullmatch(text)
    if match is None or match[4]:
        raise Rejected("day_invalid", f"'{text}' is no day; write it as 2020-02-28.")
    try:
        return _day(match).isoformat()
    except ValueError:
        raise Rejected("day_invalid", f"'{text}' is no day there was.") from None


def _grade(text: str) -> str:
    return _GRADES.get(text, text.lower())


def _flag(text: str) -> str:
    return "true" if text.lower() in _TRUE else ""


def _same(text: str) -> str:
    return text


def _fold(text: str) -> str:
    return re.sub(r"\s", "", text).lower().replace("（", "(").replace("）", ")")


_COLUMNS = {_fold(word): name for name, line in _HEADINGS.items() for word in (name, *line.split())}
_WORDS: Mapping[str, Callable[[str], str]] = MappingProxyType({"grade": _grade, "withdrawn": _flag, "day": _plain_day})
