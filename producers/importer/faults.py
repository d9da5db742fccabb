"""What can be wrong with a cell or a row: code, English and Chinese words, and what to do, each declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from schemas.errors import Reason, Rejected


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of mistake: the message in both languages, and the advice in the person's language."""

    message: str
    message_zh: str
    fix_zh: str


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "missing": Fault("the cell is empty", "必填项为空", "请填写"),
        "number_rounded": Fault(
            "the spreadsheet program turned the number into 4.11E+17 and lost digits",
            "号码被表格软件变成科学计数法,末几位已丢失",
            "把该列设为“文本”格式,再按证件重新输入完整号码",
        ),
        "formula_error": Fault("the cell holds a formula error", "单元格是公式错误(如 #N/A)", "请直接填写内容"),
        "temperature_unreadable": Fault("not a temperature", "体温看不懂", "只写数字,如 36.5;没有测就留空"),
        "date_unreadable": Fault("not a date", "日期看不懂", "写成 2020-02-18"),
        "date_without_year": Fault("the date has no year", "日期没有年份", "写成 2020-02-18"),
        "time_unreadable": Fault("not a time", "时间看不懂", "写成 2020-02-18 08:30"),
        "time_missing": Fault("no time", "没有时间", "填写日期和钟点,或导入时用 --at 给出整个文件的时间"),
        "word_unknown": Fault("not one of the known words", "不是规定的词", "按模板“说明”页填写,或留空"),
        "invalid": Fault("not as the form asks", "不符合填写要求", "对照模板“说明”页改正"),
        "above_missing": Fault("'same as above' without a row above", "写了“同上”但上面没有内容", "请写出完整内容"),
    }
)


def reason(field: str, code: str) -> Reason:
    """The reason for a field."""
    fault = FAULTS[code]
    return Reason(field, code, fault.message, fault.message_zh)


def wrong(field: str, code: str) -> Rejected:
    """The error to raise for one cell."""
    return Rejected(code, FAULTS[code].message, (reason(field, code),))


def fix_of(code: str) -> str:
    """What to do about a code, in Chinese; a code of the gateway has its advice in the message."""
    return FAULTS[code].fix_zh if code in FAULTS else "按原因改正后重新导入"
