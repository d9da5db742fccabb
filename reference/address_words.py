"""The words that tell where somebody goes from where somebody comes. Pure."""

from __future__ import annotations

import re

_HERE = r"(?:地|址|点|站|于|在|为|是|老家|家|乡|商|豫|住|到|回|往)*$"
#: Before the address somebody goes to or lives at.
TO = re.compile(
    rf"(?:现住|现居|现在|居住|住在|住址|常住|暂住|目的地|目的|终点|到站|下车|前往|去往|开往|返回|回到|返乡|返|回|去|到|至|往){_HERE}"
)
#: Before an address somebody has a home at, though perhaps does not live there now.
HOME = re.compile(r"(?:家|老家|本人)(?:里|庭)?(?:住|地)?(?:址)?(?:是|在|为|于)?$")
#: Before an address somebody comes from or is only registered at.
FROM = re.compile(
    r"(?:户籍|户口|籍贯|原籍|身份证|出发|起点|始发|工作|务工|打工|单位|来源|来自|从|由|自|途经|途径|路过|经|原住|原居|曾住|曾在|之前|此前|"
    r"先前|以前)(?:地|址|点|站|所在地|所在|在|于|为|是|住|来)*$"
)
#: Words that begin the address somebody lives at now, wherever they stand.
NOW = re.compile(r"(?:现居住|现在住|现住|现居|居住地|暂住|常住|目的地)(?:地|址|于|在|为|是)*")
#: After an address somebody comes from.
CAME = re.compile(r"(?:返乡|返回|回来|返|回|来|打工|务工|出发|过来|上班|工作|人员)")
#: The same, behind the rest of that address.
_CAME_LATER = re.compile(r"返乡|返回|回来|打工|务工|出发|过来|上班|工作|做生意|上学")


def is_marked(text: str, at: int) -> bool:
    """Whether words before a place say that another address begins there."""
    before = text[max(0, at - 8) : at]
    return any(words.search(before) for words in (TO, FROM, HOME))


def is_goal(text: str, at: int) -> bool:
    """Whether words before a place say that somebody goes there."""
    return TO.search(text[max(0, at - 8) : at]) is not None


def weight(before: str, rest: str) -> int:
    """How far words make an address the one somebody goes to: `before` stands in front of it, `rest` behind its areas."""
    if TO.search(before):
        return 3
    told = -2 if FROM.search(before) else 1 if HOME.search(before) else 0
    return told - (CAME.match(rest) is not None or _CAME_LATER.search(rest) is not None)
