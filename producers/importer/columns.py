"""The columns of each kind of list: the names people give them in Chinese and English, and which must be there."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from schemas.errors import Misconfigured

Kind = Literal["rail-manifest", "coach-manifest", "checkpoint", "checkins"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its usual heading, other headings for it, and what to write there (shown in the template)."""

    heading: str
    synonyms: str
    note: str
    example: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of list: the columns it knows in the order of its template, and those without which a row means nothing."""

    columns: tuple[str, ...]
    required: tuple[str, ...]
    #: Headings that mean something else in this kind of list.
    own: Mapping[str, str]
    #: Where its rows are posted.
    path: str = "/v1/scans"


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "name": Column("姓名", "名字 旅客姓名 乘客姓名 人员姓名 name full_name passenger", "必填", "示例请删除"),
        "document_type": Column(
            "证件类型",
            "证件种类 document_type id_type",
            "不填时按号码判断:身份证、护照、港澳通行证、台湾通行证、居住证",
            "身份证",
        ),
        "document_number": Column(
            "身份证号",
            "身份证 身份证号码 证件号 证件号码 公民身份号码 证件编号 身份证件号码 id id_number id_no document_number passport_no",
            "必填;单元格先设为“文本”格式再填写",
            "000000190001010000",
        ),
        "phone": Column(
            "手机号", "手机 手机号码 电话 电话号码 联系电话 联系方式 移动电话 phone mobile telephone tel", "11 位", "19900000000"
        ),
        "nationality": Column("国籍", "国家代码 nationality country", "三个字母,如 CHN、KOR;护照时填写", ""),
        "train": Column("车次", "列车车次 列车号 列车 train train_no train_number", "如 K1234", "K1234"),
        "service_date": Column(
            "发车日期", "乘车日期 开车日期 始发日期 service_date departure_date", "列车从始发站开出的日期", "2020-02-17"
        ),
        "coach": Column("车厢", "车厢号 车厢编号 coach carriage car_no", "如 07", "07"),
        "seat": Column("座位号", "座位 席位 席位号 座号 铺位 铺位号 seat seat_no berth", "如 12A、05下", "12A"),
        "from_station": Column("出发站", "上车站 始发站 乘车站 发站 from_station boarding_station", "上车的车站", "深圳"),
        "to_station": Column("到达站", "下车站 到站 终到站 to_station arrival_station", "下车的车站", "商丘"),
        "arrived_on": Column(
            "到达日期",
            "抵达日期 登记日期 检查日期 扫描日期 arrival_date arrived_on",
            "与“到达时间”只写钟点时一起使用",
            "2020-02-18",
        ),
        "arrived_at": Column(
            "到达时间",
            "抵达时间 登记时间 检查时间 扫描时间 通过时间 检测时间 时间 arrived_at arrival_time time scanned_at occurred_at",
            "日期和钟点,如 2020-02-18 08:30;整个文件同一时间时可用 --at 给出",
            "2020-02-18 08:30",
        ),
        "temperature_c": Column(
            "体温", "体温℃ 温度 测温 体温度数 temperature temperature_c temp", "如 36.5;没有测就留空", "36.5"
        ),
        "symptoms": Column("症状", "身体状况 symptoms", "发热、咳嗽、乏力、呼吸困难、腹泻、其他", ""),
        "origin": Column(
            "来源地", "出发地 始发地 来自 何地来 从何处来 来自何地 返回地 origin from", "省市县,或区划代码", "广东省深圳市南山区"
        ),
        "destination": Column(
            "目的地",
            "到达地址 到达地 去向 现住址 居住地址 住址 家庭住址 地址 详细地址 目的地址 拟住地址 destination address to",
            "写到乡镇和村(社区),或区划代码",
            "夏邑县车站镇某某村",
        ),
        "lodging": Column("住宿", "住宿方式 居住方式 落脚点 lodging", "自家、亲戚家、租房、单位、酒店、隔离点、其他", "自家"),
        "purpose": Column(
            "事由",
            "来商事由 出行目的 返程事由 来意 purpose reason_for_travel",
            "回家、务工、防疫、复工、运输、过境、其他",
            "回家",
        ),
        "plate": Column("车牌号", "车牌 车牌号码 车号 车辆号牌 号牌 plate plate_no license_plate", "如 豫N12345", "豫N12345"),
        "pass_id": Column("通行证号", "通行证 通行证编号 pass_id pass", "字母、数字和横线", ""),
        "party": Column("同行编号", "同行人 家庭编号 组号 户号 party group", "同车、同户的人写同一个", ""),
        "made_on": Column("打卡日期", "填报日期 登记日期 made_on", "与“打卡时间”只写钟点时一起使用", "2020-02-18"),
        "made_at": Column(
            "打卡时间",
            "填报时间 登记时间 测温时间 出入时间 时间 time made_at",
            "日期和钟点,如 2020-02-18 07:50;整个文件同一时间时可用 --at 给出",
            "2020-02-18 07:50",
        ),
        "checkin_kind": Column("打卡类型", "类型 kind", "员工、居民、进、出;不填时有企业代码的为员工,其余为居民", "员工"),
        "enterprise_code": Column(
            "企业代码", "统一社会信用代码 信用代码 单位代码 enterprise_code", "统一社会信用代码或县里的编号", "E-411426-0001"
        ),
        "enterprise_name": Column(
            "企业名称", "企业 单位 单位名称 公司 公司名称 enterprise enterprise_name", "有企业代码时必填", "某某纺织厂"
        ),
        "county": Column("县区代码", "县(市、区)代码 区县代码 county", "企业所在县(市、区)的六位代码;不填时按 --site", "411426"),
        "unit": Column("管理单元", "管理单元代码 村代码 社区代码 小区代码 unit", "居民所在村(社区)的代码;不填时按 --site", ""),
        "whereabouts": Column("在岗情况", "是否在岗 今日去向 状态 whereabouts", "在岗、在家、外出", "在岗"),
        "operator": Column("登记人", "检查员 工号 operator", "字母、数字和横线", ""),
    }
)

_PERSON = ("name", "document_type", "document_number", "phone", "nationality")
_STAY = ("temperature_c", "symptoms", "origin", "destination", "lodging", "purpose")
LAYOUTS: Mapping[Kind, Layout] = MappingProxyType(
    {
        "rail-manifest": Layout(
            (
                *_PERSON,
                *("train", "service_date", "coach", "seat", "from_station", "to_station", "arrived_on", "arrived_at"),
                *_STAY,
            ),
            ("name", "document_number", "train", "service_date"),
            MappingProxyType({"日期": "service_date", "date": "service_date"}),
        ),
        "coach-manifest": Layout(
            (*_PERSON, *("plate", "seat", "pass_id", "arrived_on", "arrived_at"), *_STAY),
            ("name", "document_number", "plate"),
            MappingProxyType({"日期": "arrived_on", "date": "arrived_on"}),
        ),
        "checkpoint": Layout(
            (*_PERSON, *("plate", "pass_id", "arrived_on", "arrived_at"), *_STAY, "party", "operator"),
            ("name", "document_number"),
            MappingProxyType({"日期": "arrived_on", "date": "arrived_on"}),
        ),
        "checkins": Layout(
            (
                *_PERSON,
                *("checkin_kind", "enterprise_code", "enterprise_name", "county", "unit", "made_on", "made_at"),
                *("temperature_c", "symptoms", "whereabouts", "operator"),
            ),
            ("name", "document_number"),
            MappingProxyType({"日期": "made_on", "date": "made_on"}),
            "/v1/checkins",
        ),
    }
)
#: Columns of our own in a file of rejected rows; ignored when it is imported again.
LINE_NUMBER, REASON, FIX = "行号", "原因", "怎么改"
OWN_COLUMNS = (LINE_NUMBER, REASON, FIX)
_NOISE = re.compile(r"[\s*_＊:：]|\([^)]*\)|\[[^\]]*\]|【[^】]*】")


def known_kind(text: str) -> Kind:
    """The kind of list of that name. Raises Misconfigured for another, naming those there are."""
    for kind in LAYOUTS:
        if kind == text:
            return kind
    raise Misconfigured("kind_unknown", f"Lists of this kind cannot be imported: {text}.", f"Use one of {', '.join(LAYOUTS)}.")


def plain_heading(text: str) -> str:
    """A heading without spaces, stars, units and remarks: `体 温(℃)*` -> `体温`, `ID_Number` -> `idnumber`."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).lower()


def recognise(headings: Sequence[str], kind: Kind) -> dict[int, str]:
    """Column index -> field for the headings this kind knows; of two columns for one field the first counts."""
    known = _headings(kind)
    found: dict[int, str] = {}
    for index, heading in enumerate(headings):
        field = known.get(plain_heading(heading))
        if field is not None and field not in found.values():
            found[index] = field
    return found


def heading_of(field: str) -> str:
    """The usual heading of a field."""
    return COLUMNS[field].heading


def _headings(kind: Kind) -> dict[str, str]:
    layout = LAYOUTS[kind]
    names = {
        plain_heading(name): field
        for field in layout.columns
        for name in (field, COLUMNS[field].heading, *COLUMNS[field].synonyms.split())
    }
    return names | {plain_heading(name): field for name, field in layout.own.items()}
