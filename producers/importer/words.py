"""The words people write for what we know as a fixed word: documents, lodging, purpose, symptoms, check-ins. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

from producers.importer.faults import wrong


def _table(**words: str) -> Mapping[str, str]:
    named = {word: value for value, line in words.items() for word in (value, *line.split())}
    return MappingProxyType(named)


DOCUMENTS = _table(
    resident_id="身份证 居民身份证 二代身份证 中国居民身份证 临时身份证 户口簿 id",
    hk_macao_permit="港澳通行证 港澳居民来往内地通行证 回乡证 往来港澳通行证",
    taiwan_permit="台湾通行证 台胞证 台湾居民来往大陆通行证",
    residence_permit="居住证 港澳台居民居住证 港澳居民居住证 台湾居民居住证",
    foreign_permanent="外国人永久居留证 外国人永久居留身份证 永久居留证",
    passport="护照 中国护照 外国护照 普通护照",
    other="其他 其它 军官证 士兵证 警官证 出生证明",
)
LODGINGS = _table(
    own_home="自家 家 自己家 自有住房 家中 本人家 自住 家里 home",
    relatives="亲戚家 亲戚 亲友家 亲属家 朋友家 父母家 投亲靠友",
    rented="租房 租住 出租房 出租屋 租赁",
    employer="单位 单位宿舍 宿舍 公司 工厂 工地 厂里",
    hotel="酒店 宾馆 旅馆 旅店 招待所",
    isolation_site="隔离点 集中隔离 集中隔离点 集中观察点",
    other="其他 其它",
    unknown="未知 不详 不清楚 未定",
)
PURPOSES = _table(
    home="回家 返乡 探亲 回乡 返家 回老家",
    work="务工 工作 上班 出差 打工",
    epidemic_prevention="防疫 疫情防控 医疗 支援防疫",
    work_resumption="复工 返岗 复工复产 返工 返企",
    supplies="运输 物资 送货 货运 拉货 保供 物资运输",
    transit="过境 路过 中转 途经",
    other="其他 其它",
)
SYMPTOMS = _table(
    fever="发热 发烧",
    cough="咳嗽 干咳",
    fatigue="乏力 无力",
    breathless="呼吸困难 胸闷 气促 气短",
    diarrhoea="腹泻 拉肚子",
    other="其他 其它",
)
CHECKINS = _table(
    employee="员工 职工 员工打卡 上班打卡",
    resident="居民 居民登记 健康登记 住户",
    gate_in="进 进入 进门 入 in",
    gate_out="出 外出 出门 离开 out",
)
WHEREABOUTS = _table(
    at_work="在岗 到岗 上班 在厂 在单位 是",
    at_home="在家 居家 休息 未到岗 否",
    away="外出 外地 在外地 出差 离商",
    unknown="未知 不详 不清楚",
)
_NO_SYMPTOM = frozenset({"", "无", "没有", "正常", "良好", "健康", "无症状", "无异常", "-", "/", "否", "none", "no"})
_LIST = re.compile(r"[、,;/\s]+")
_PATTERNS = (
    (re.compile(r"\d{17}[\dX]|\d{15}"), "resident_id"),
    (re.compile(r"[HM]\d{8}(?:\d\d)?"), "hk_macao_permit"),
    (re.compile(r"\d{8}"), "taiwan_permit"),
    (re.compile(r"[A-Z]{3}\d{12}"), "foreign_permanent"),
    (re.compile(r"(?=.*\d)[A-Z0-9]{5,17}"), "passport"),
)


def fold(text: str) -> str:
    """Text in one width, one case and without spaces, for comparing."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text)).lower()


def word(text: str, table: Mapping[str, str], field: str) -> str:
    """The fixed word for what was written. Raises Rejected for an unknown one."""
    found = table.get(fold(text))
    if found is None:
        raise wrong(field, "word_unknown")
    return found


def symptoms(text: str) -> list[str]:
    """The fixed words for a list such as `发热、咳嗽`; nothing for `无`."""
    if fold(text) in _NO_SYMPTOM:
        return []
    parts = [part for part in _LIST.split(unicodedata.normalize("NFKC", text)) if part]
    return sorted({word(part, SYMPTOMS, "symptoms") for part in parts})


def guess_document(number: str) -> str:
    """The type a document number looks like; `other` when it looks like none."""
    folded = fold(number).upper()
    return next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(folded)), "other")
