"""Why a post or a part of it is refused: the stable code, what happened and what to do, in English and Chinese. One table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from schemas.errors import Reason

_FIELD_NAME = re.compile(r"[a-z][a-z_]{0,39}\Z")

#: code -> (English, Chinese). Codes of pydantic's own errors stand here too, under pydantic's names.
REASONS: dict[str, tuple[str, str]] = {
    "body_empty": ("the body is empty; send one object or an array of them", "正文为空;请发送一条登记或登记数组"),
    "body_not_json": ("the body is no JSON; correct it where the position says", "正文不是合法的 JSON;请按所示位置改正"),
    "body_shape": ("the body must be one object or an array of them", "正文应为一个登记对象或登记数组"),
    "batch_too_large": ("an array may hold at most 500; send smaller ones", "一次最多 500 条;请分批发送"),
    "encoding": (
        "the body is not UTF-8; is it GBK? declare it with charset=gbk",
        "正文不是 UTF-8 编码;若为 GBK 请声明 charset=gbk",
    ),
    "nesting": ("the JSON is nested too deeply", "JSON 嵌套过深"),
    "number_too_long": ("a number has a thousand digits or more", "数字过长"),
    "duplicate_key": ("a key stands twice in one object; send it once", "同一对象中有重复的键;请只保留一个"),
    "missing": ("the field is missing; add it", "缺少该字段;请补充"),
    "extra_forbidden": ("there is no such field; remove it", "没有该字段;请删除"),
    "string_type": ("the field must be text", "该字段应为文本"),
    "int_type": ("the field must be a whole number, without quotes", "该字段应为整数,不加引号"),
    "int_from_float": ("the field must be a whole number", "该字段应为整数"),
    "float_type": ("the field must be a number, without quotes", "该字段应为数字,不加引号"),
    "finite_number": ("the field must be an ordinary number", "该字段应为普通数字"),
    "negative_zero": ("minus zero is no measurement; leave the field out", "负零不是测量值;未测请留空"),
    "model_type": ("the field must be an object", "该字段应为对象"),
    "model_attributes_type": ("a scan or a check-in must be an object", "每条登记应为对象"),
    "tuple_type": ("the field must be a list", "该字段应为列表"),
    "too_long": ("the list is too long", "列表过长"),
    "string_too_long": ("the text is too long", "文本过长"),
    "string_too_short": ("the text is empty; write something or leave the field out", "文本为空;请填写或省略该字段"),
    "string_pattern_mismatch": ("the text does not have the form of this field", "文本格式不符合该字段的要求"),
    "literal_error": ("the value is none of those allowed here", "取值不在允许范围内"),
    "greater_than_equal": ("the number is too small", "数值过小"),
    "less_than_equal": ("the number is too large", "数值过大"),
    "less_than": ("the number is too large", "数值过大"),
    "union_tag_invalid": ("kind must be checkpoint or rail", "kind 应为 checkpoint 或 rail"),
    "union_tag_not_found": ("kind is missing; it is checkpoint or rail", "缺少 kind;应为 checkpoint 或 rail"),
    "time_format": (
        "write the time as RFC 3339 with an offset, such as 2020-02-18T08:30:00+08:00",
        "时间请写成带时区的格式,如 2020-02-18T08:30:00+08:00",
    ),
    "time_invalid": ("there is no such date or time", "没有这个日期或时间"),
    "time_range": ("the time must lie between 2000 and 2100", "时间应在 2000 年至 2100 年之间"),
    "day_format": ("write the day as YYYY-MM-DD", "日期请写成 YYYY-MM-DD"),
    "day_invalid": ("there is no such day", "没有这个日期"),
    "nul_character": ("the text holds a NUL character; remove it", "文本含有空字符(NUL);请删除"),
    "string_unicode": ("the text holds characters that are no Unicode", "文本含有非法的 Unicode 字符"),
    "site_unknown": ("no such site is registered; ask the administrator", "站点未登记;请联系管理员"),
    "site_forbidden": ("this device is registered for another site", "该设备登记在其他站点"),
    "checkin_place": ("name either the enterprise or the unit", "企业和管理单元只能填写一个,且必须填写一个"),
    "checkin_kind": (
        "an employee checks in for an enterprise, a resident for a unit",
        "员工打卡须填写企业;居民登记须填写管理单元",
    ),
    "place_unknown": ("there is no such county or unit; use its code", "没有这个县(市、区)或管理单元;请填写其代码"),
    "place_forbidden": ("this device is registered for another enterprise or unit", "该设备登记在其他企业或管理单元"),
    "id_conflict": (
        "this event_id was used before for something else; give everything its own",
        "该 event_id 已被另一条登记使用;每条登记须有自己的编号",
    ),
    "scan_too_large": ("the scan is too large", "单条登记过大"),
    "payload_unknown": (
        "this is no arrival code of ours; scan the right code or type the person in",
        "不是本系统的登记码;请扫正确的码或手工登记",
    ),
    "payload_damaged": ("the code was read incompletely; scan it again", "读码不完整;请重扫"),
    "value_invalid": ("the value cannot be used", "该值无法使用"),
}


def reason(code: str, field: str = "", detail: str = "") -> Reason:
    """The reason of that code for a field; an unknown code becomes `value_invalid`. `detail` may hold positions, never values."""
    known = code if code in REASONS else "value_invalid"
    english, chinese = REASONS[known]
    suffix = f" ({detail})" if detail else ""
    return Reason(field, known, english + suffix, chinese + suffix)


def of_validation(error: Mapping[str, Any], skip: int) -> Reason:
    """The reason behind one pydantic error; `skip` leading parts of its location are the union's tag."""
    location = error["loc"][skip:] if len(error["loc"]) > skip else ()
    return reason(error["type"], ".".join(map(_shown, location)))


def _shown(part: str | int) -> str:
    """A part of a path; the name of an unknown field is the poster's own and may hold a person, unless it looks like ours."""
    return str(part) if isinstance(part, int) or _FIELD_NAME.match(part) else "?"
