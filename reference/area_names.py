"""How people name areas: short forms, former names, and names that only look like an area. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

#: Short names of the counties of Shangqiu that stand alone.
LOCAL_SHORT = frozenset({"梁园", "睢阳", "民权", "宁陵", "柘城", "虞城", "夏邑", "永城"})
#: Short names of districts that stand alone; those of all others count only after their city or province.
KNOWN_SHORT = LOCAL_SHORT | {"武昌", "汉阳", "江夏", "黄陂", "蔡甸", "新洲"}
#: Short names of counties that are also ordinary words or names of many things; they too need their city or province.
WORDS = frozenset(
    "东方 和平 安平 文安 太平 大方 东明 正安 高青 大同 新城 平原 兴安 长安 通道 中方 大厂 大城 新和 云和 泰和 建始".split()  # noqa: SIM905 - a list of words, read as text
)
#: Other names of areas: former names, misspellings that are more common than rare, districts people call by one name.
OTHER_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "4114": ("商邱市", "商丘地区", "商丘专区", "商邱"),
        "411402": ("梁园县", "梁园市"),
        "411403": ("睢阳县", "睢阳市", "雎阳区", "濉阳区"),
        "411421": ("民权市", "民权区"),
        "411422": ("雎县", "濉县"),
        "411423": ("宁陵市", "宁陵区", "宁棱县"),
        "411424": ("柘城市", "柘城区", "拓城县", "蔗城县"),
        "411425": ("虞城市", "虞城区", "虞诚县"),
        "411426": ("夏邑市", "夏邑区", "下邑县"),
        "411481": ("永城县", "永城区", "永诚市"),
        "4201": ("汉口",),
        "4206": ("襄樊市", "襄樊"),
        "429021": ("神农架",),
        "15": ("内蒙",),
        "81": ("香港",),
        "82": ("澳门",),
        "71": ("台湾",),
    }
)
_PEOPLES = (  # noqa: SIM905 - a list of words, read as text
    "壮族 回族 维吾尔 土家族 苗族 藏族 彝族 布依族 侗族 朝鲜族 白族 哈尼族 傣族 傈僳族 景颇族 蒙古族 蒙古 羌族 黎族 满族 瑶族 "
    "畲族 仡佬族 水族 佤族 拉祜族 纳西族 土族 撒拉族 东乡族 保安族 裕固族 哈萨克族 哈萨克 柯尔克孜 锡伯 塔吉克 达斡尔族 鄂温克族 "
    "鄂伦春 仫佬族 毛南族 独龙族 怒族 普米族 布朗族 各族 自治"
).split()
_KINDS = (
    "特别行政区",
    "自治区",
    "自治州",
    "自治县",
    "自治旗",
    "林区",
    "地区",
    "矿区",
    "新区",
    "省",
    "市",
    "盟",
    "州",
    "县",
    "旗",
    "区",
)
#: Endings by which a name says what it is.
_ENDINGS = frozenset("省市县区")
#: What follows a name that is then the name of a road, a house, a shop or a village.
_ROAD_WORDS = (  # noqa: SIM905 - a list of words, read as text
    "路 街 大道 大街 巷 胡同 大厦 小区 花园 花苑 公寓 宾馆 饭店 酒店 大酒店 广场 商场 商城 商贸 超市 市场 医院 大学 学院 "
    "中学 小学 银行 公司 集团 国际 家园 家属 新村 庄 楼 村 镇 乡 寨 屯 桥 人家 名城 "
    "华府 府 苑 御 老师 里 港 湾 城市 煤矿 煤电 商会 面馆 烩面 羊肉 牛肉 烧鸡 粮行 同乡会 建材 家具"
).split()
#: 南京西路, 大同东街.
_PARTS = tuple(part + way for part in "东西南北中前后" for way in ("路", "街", "大街", "大道", "巷"))
_ROADS = (*_ROAD_WORDS, *_PARTS)
#: What stands behind a road that bears the full name of an area: 佳县路12号; not 会宁县路河镇.
_BEHIND_ROAD = frozenset(["", *"0123456789与和交段号中东西南北"])
#: The first characters of those words.
ROADS_FIRST = frozenset(word[0] for word in _ROADS)
#: The same with those that follow full names.
BEGIN_ROAD = ROADS_FIRST | {"场", "路"}


def full_names(code: str, name: str) -> Iterator[str]:
    """The official name, former ones, and 管城区 for 管城回族区: names that say what they are."""
    yield name
    stem = _without_kind(name)
    if len(stem) > 1 and name.endswith(("族区", "自治县")):
        yield stem + name[-1]
    yield from (other for other in OTHER_NAMES.get(code, ()) if other[-1] in _ENDINGS)


def short_names(code: str, name: str) -> Iterator[str]:
    """The name without its kind and the peoples in it: 恩施 and 恩施州 of 恩施土家族苗族自治州; never one character."""
    stem = _without_kind(name)
    if len(stem) > 1 and stem != name:
        yield stem
    if name.endswith("自治州"):
        yield stem + "州"
    yield from (other for other in OTHER_NAMES.get(code, ()) if other[-1] not in _ENDINGS)


def _without_kind(name: str) -> str:
    """The bare name."""
    stem = next((name.removesuffix(kind) for kind in _KINDS if name.endswith(kind)), name)
    cut = min((i for people in _PEOPLES if (i := stem.find(people)) > 0), default=len(stem))
    return stem[:cut] if cut > 1 else stem


def is_road(text: str, end: int, full: bool) -> bool:
    """Whether the name that ends here goes on as something that is no area: 北京路, 睢阳大道, 上海市场."""
    following = text[end : end + 1]
    if full:
        return (following == "场" and text[end - 1] == "市") or (following == "路" and text[end + 1 : end + 2] in _BEHIND_ROAD)
    return following in ROADS_FIRST and text.startswith(_ROADS, end) and not text.startswith("乡下", end)
