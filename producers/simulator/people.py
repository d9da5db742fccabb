"""Synthetic people: names from two short lists, valid made-up ID numbers, phone numbers of one block that nobody is to dial.

None of them exists: name, birth date, ID number and phone are drawn independently of each other, so no combination means anybody.
"""

from __future__ import annotations

from random import Random

from producers.simulator import parameters as p

Person = dict[str, str]

_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
    "范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段"
)
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志文斌宇浩凯健俊帆雪梅琳莹倩婷宁龙鹏飞波辉海燕春秋冬子轩梓涵欣"
    "怡博思雨佳琪"
)
_COMPOUND = ("欧阳", "上官", "司马", "诸葛")
_MINORITY = ("阿依古丽·买买提", "迪丽娜尔•艾山", "古丽巴哈尔‧吐尔逊")
#: 1990000000 to 1990009999, a block used here for made-up numbers alone.
_PHONE_BLOCK = 19_900_000_000
_CHECK = "10X98765432"
_WEIGHTS = tuple(2 ** (17 - i) % 11 for i in range(17))
_BAD_NAMES = ("无", "null", "寮犱笁", "王\u200b强", "李\u202e明", "Аня")


def check_digit(body: str) -> str:
    """The last character of an 18-character resident ID (GB 11643, ISO 7064 MOD 11-2) for its first 17 digits."""
    return _CHECK[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def resident_id(rng: Random, issued_at: str, birth_year: int) -> str:
    """A valid made-up resident ID: county of first issue (no origin!), birth date, sequence, check digit."""
    body = f"{issued_at}{birth_year}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(1, 999):03d}"
    return body + check_digit(body)


def make_person(rng: Random, issued_at: str, surname: str | None = None) -> Person:
    """One traveller as a device posts them; one in a hundred has something odd that must be flagged, not refused."""
    person = {"name": _name(rng, surname), **_document(rng, issued_at)}
    if rng.random() >= p.MISSING_PHONE_SHARE:
        person["phone"] = _phone(rng)
    return person


def draw_surname(rng: Random) -> str:
    """A family name."""
    return rng.choice(_COMPOUND) if rng.random() < 0.01 else rng.choice(_SURNAMES)


def _name(rng: Random, surname: str | None) -> str:
    chance = rng.random()
    if chance < p.ODD_NAME_SHARE:
        return rng.choice(_BAD_NAMES)
    if chance < 2 * p.ODD_NAME_SHARE:
        return rng.choice(_MINORITY)
    given = rng.choice(_GIVEN) + (rng.choice(_GIVEN) if rng.random() < 0.8 else "")
    return (surname or draw_surname(rng)) + given


def _phone(rng: Random) -> str:
    number = str(_PHONE_BLOCK + rng.randrange(100_000))
    style = rng.random()
    if style < 0.02:
        return "+86" + number
    return number[:11] + "0" if style > 0.999 else number


def _document(rng: Random, issued_at: str) -> Person:
    chance = rng.random()
    if chance < p.OTHER_DOCUMENT_SHARE:
        return _other_document(rng)
    number = resident_id(rng, issued_at, 2020 - min(89, int(rng.triangular(1, 90, 33))))
    if chance > 1 - p.ODD_DOCUMENT_SHARE:
        number = _odd_number(rng, number)
    return {"document_type": "resident_id", "document_number": number}


def _other_document(rng: Random) -> Person:
    digits = f"{rng.randrange(10**8):08d}"
    return rng.choice(
        (
            {"document_type": "passport", "document_number": "E" + digits, "nationality": "CHN"},
            {"document_type": "passport", "document_number": "X" + digits, "nationality": "KOR"},
            {"document_type": "hk_macao_permit", "document_number": "H" + digits},
            {"document_type": "taiwan_permit", "document_number": digits},
        )
    )


def _odd_number(rng: Random, number: str) -> str:
    """A number as a tired person types it; the last way makes it invalid, which is flagged and still routed."""
    ways = (
        number.lower(),
        f"{number[:6]} {number[6:14]} {number[14:]}",
        number.translate({ord("0") + n: 0xFF10 + n for n in range(10)}),
        number[:6] + number[8:17],
        number[:-1] + ("1" if number[-1] != "1" else "2"),
    )
    return rng.choice(ways)
