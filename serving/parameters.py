"""Parameters of queries: each has a type that reads text strictly, so that only checked values are ever bound. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from pydantic_core import PydanticCustomError

from schemas.base import parse_day, parse_instant
from schemas.errors import Reason, Rejected

_COUNTY = re.compile(r"4114\d\d", re.ASCII)
LONGEST_SPAN = timedelta(days=400)
Values = Mapping[str, Any]


class Kind(Protocol):
    """A type of parameter: reads text into a value to bind, or raises ValueError or pydantic's; the hints say what is right."""

    @property
    def hint(self) -> str:
        """What to write."""

    @property
    def hint_zh(self) -> str:
        """What to write, in Chinese."""

    def read(self, text: str) -> Any:
        """The value of the text."""


@dataclass(frozen=True, slots=True)
class DayKind:
    """A calendar day."""

    hint: str = "write the day as YYYY-MM-DD"
    hint_zh: str = "日期写作 2020-02-18"

    def read(self, text: str) -> date:
        """The day."""
        return parse_day(text)


@dataclass(frozen=True, slots=True)
class InstantKind:
    """An instant with an offset; bound as milliseconds since 1970, so that no server's time zone can shift it."""

    hint: str = "write the time as RFC 3339 with an offset, such as 2020-02-18T24:00 as 2020-02-19T00:00:00+08:00"
    hint_zh: str = "时间写作 2020-02-19T00:00:00+08:00"

    def read(self, text: str) -> datetime:
        """The instant in local time."""
        return parse_instant(text)


@dataclass(frozen=True, slots=True)
class CountyKind:
    """A county of Shangqiu by its code."""

    hint: str = "give a county code of Shangqiu, six digits beginning with 4114"
    hint_zh: str = "填写商丘的县(市、区)代码，如 411426"

    def read(self, text: str) -> str:
        """The code."""
        if not _COUNTY.fullmatch(text):
            raise ValueError
        return text


@dataclass(frozen=True, slots=True)
class ChoiceKind:
    """One of a few words, each standing for the value to bind."""

    options: tuple[tuple[str, Any], ...]

    @property
    def hint(self) -> str:
        """The words."""
        return f"use one of: {', '.join(word for word, _ in self.options)}"

    @property
    def hint_zh(self) -> str:
        """The words."""
        return f"可选：{'、'.join(word for word, _ in self.options)}"

    def read(self, text: str) -> Any:
        """The value the word stands for."""
        for word, value in self.options:
            if word == text:
                return value
        raise ValueError


@dataclass(frozen=True, slots=True)
class CountKind:
    """A number of rows."""

    most: int

    @property
    def hint(self) -> str:
        """The range."""
        return f"give a whole number from 1 to {self.most}"

    @property
    def hint_zh(self) -> str:
        """The range."""
        return f"填写 1 到 {self.most} 的整数"

    def read(self, text: str) -> int:
        """The number."""
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(self.most)) and 1 <= int(text) <= self.most):
            raise ValueError
        return int(text)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a query: `default` is text, or None when the caller has to supply one (the newest day), or may
    leave it out.
    """

    name: str
    kind: Kind
    title: str
    title_zh: str
    default: str | None = None
    optional: bool = False


def read_values(parameters: tuple[Parameter, ...], given: Mapping[str, str]) -> dict[str, Any]:
    """Reads the given texts. Raises Rejected with a reason for every unknown, missing or wrong parameter."""
    known = {parameter.name for parameter in parameters}
    reasons = [
        Reason(name[:40], "parameter_unknown", "there is no such parameter", "没有这个参数")
        for name in given
        if name not in known
    ]
    values: dict[str, Any] = {}
    for parameter in parameters:
        text = given.get(parameter.name) or parameter.default
        if text is None:
            if not parameter.optional:
                reasons.append(_wrong(parameter, "parameter_missing"))
            continue
        try:
            values[parameter.name] = parameter.kind.read(text)
        except (ValueError, PydanticCustomError):
            reasons.append(_wrong(parameter, "parameter_invalid"))
    if not reasons:
        reasons = _span(values)
    if reasons:
        raise Rejected("parameters_invalid", "A parameter is wrong.", tuple(reasons))
    return values


def _wrong(parameter: Parameter, code: str) -> Reason:
    return Reason(parameter.name, code, parameter.kind.hint, parameter.kind.hint_zh)


def _span(values: Values) -> list[Reason]:
    first, last = values.get("from"), values.get("to")
    if first is None or last is None or timedelta(0) <= last - first <= LONGEST_SPAN:
        return []
    return [
        Reason(
            "to", "span_invalid", "must not lie before `from`, nor more than 400 days after it", "须不早于开始日期，且不超过400天"
        )
    ]
