"""The figures of the sample day, each with where it comes from. **P** marks a simulation parameter: nothing was
published, the value
is ours and plausible, and no statement about the real February 2020 may be read from it.

Volumes by origin and day for Shangqiu were not found (P throughout). What is known and used: 37.3 °C is the limit
(Ministry of Transport,
3 Feb 2020); Hubei had been closed since 23 Jan, so few come from there on 18 Feb; class-2 road checkpoints still
stood until 21 Feb.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OriginShare:
    """A prefecture people come from: code, weight (P), letter of its plates (GA 36), a station they board at."""

    area: str
    weight: float
    plate: str
    station: str


#: P. Neighbours by road, the coast by rail (workers who return or turn home), the provincial capital, a trickle from Hubei.
ORIGINS: tuple[OriginShare, ...] = (
    *(OriginShare(*row) for row in (("4101", 14, "豫A", "郑州"), ("4115", 4, "豫S", "信阳"), ("4113", 3.5, "豫R", "南阳"))),
    *(OriginShare(*row) for row in (("4102", 5, "豫B", "开封"), ("4116", 6, "豫P", "周口"), ("4103", 2, "豫C", "洛阳"))),
    *(OriginShare(*row) for row in (("4110", 2, "豫K", "许昌"), ("4107", 2, "豫G", "新乡"), ("4117", 2, "豫Q", "驻马店"))),
    *(OriginShare(*row) for row in (("3416", 6, "皖S", "亳州"), ("3406", 3, "皖F", "淮北"), ("3413", 2, "皖L", "宿州"))),
    *(OriginShare(*row) for row in (("3401", 2, "皖A", "合肥"), ("3717", 6, "鲁R", "菏泽"), ("3708", 2, "鲁H", "济宁"))),
    *(OriginShare(*row) for row in (("3701", 2, "鲁A", "济南"), ("3702", 1.5, "鲁B", "青岛"), ("3203", 5, "苏C", "徐州"))),
    *(OriginShare(*row) for row in (("3201", 3, "苏A", "南京"), ("3205", 6, "苏E", "苏州"), ("3202", 3, "苏B", "无锡"))),
    *(OriginShare(*row) for row in (("3301", 5, "浙A", "杭州"), ("3302", 4, "浙B", "宁波"), ("3303", 2, "浙C", "温州"))),
    *(OriginShare(*row) for row in (("3310", 2, "浙J", "台州"), ("3307", 2, "浙G", "金华"), ("3101", 5, "沪A", "上海"))),
    *(OriginShare(*row) for row in (("4401", 3, "粤A", "广州"), ("4403", 4, "粤B", "深圳"), ("4419", 3, "粤S", "东莞"))),
    *(OriginShare(*row) for row in (("1101", 4, "京N", "北京西"), ("1201", 1.5, "津A", "天津"), ("1301", 1, "冀A", "石家庄"))),
    *(OriginShare(*row) for row in (("6101", 1, "陕A", "西安"), ("1401", 0.7, "晋A", "太原"), ("4301", 0.5, "湘A", "长沙"))),
    *(OriginShare(*row) for row in (("3601", 0.4, "赣A", "南昌"), ("3505", 1, "闽C", "泉州"), ("5101", 0.6, "川A", "成都"))),
    *(
        OriginShare(*row)
        for row in (("6501", 0.5, "新A", "乌鲁木齐"), ("4201", 0.25, "鄂A", "武汉"), ("4209", 0.08, "鄂K", "孝感"))
    ),
    *(OriginShare(*row) for row in (("4211", 0.08, "鄂J", "黄冈"), ("4206", 0.06, "鄂F", "襄阳"), ("4210", 0.05, "鄂D", "荆州"))),
)

#: P. Where people go, like the population of each county area (all eleven appear).
DESTINATION_WEIGHTS = {
    **{"411402": 9.0, "411403": 9.0, "411421": 9.5, "411422": 9.0, "411423": 6.5, "411424": 10.5},
    **{"411425": 11.5, "411426": 12.5, "411481": 16.0, "411471": 3.0, "411472": 3.0},
}

#: P. Share of a day's road traffic in each hour from 00:00; rail follows its timetable.
HOURS = (7, 5, 4, 4, 5, 9, 18, 33, 52, 66, 74, 72, 58, 60, 68, 72, 74, 70, 58, 46, 36, 27, 18, 11)

RAIL_SHARE = 0.32  # P
COACH_PARTY_SHARE = 0.003  # P: organised point-to-point coaches of workers
CAR_PARTY_SIZES = {1: 46, 2: 26, 3: 14, 4: 9, 5: 5}  # P
TRAIN_PARTY_SIZES = {1: 70, 2: 19, 3: 8, 4: 3}  # P
COACH_SEATS = (18, 44)  # P: people in an organised coach, at half to full load

CODED_DESTINATION_SHARE = 0.70  # agreed with the benchmarks: 70 % coded, 30 % free text
CODED_ORIGIN_SHARE = 0.80  # P
RECENT_HUBEI_SHARE = 0.002  # P: came from elsewhere, but was in Hubei in the last 14 days

NORMAL_TEMPERATURE = (36.45, 0.22)  # P: mean and spread of a forehead measurement, °C
FEVER_SHARE = 0.003  # P: 37.3 °C and above
FEVER_RANGE = (37.3, 39.4)
MISSING_TEMPERATURE_SHARE = 0.02  # P
ODD_TEMPERATURE_SHARE = 0.0008  # P: Fahrenheit, a missing point, an unplugged gun

MISSING_CHECKIN_SHARE = 0.06  # P: employees who do not check in on a day
FEVERISH_CHECKIN_SHARE = 0.015  # P: more than anywhere, so that a small day shows some
AT_WORK_SHARE = 0.7  # P: of those who check in

ODD_DOCUMENT_SHARE = 0.012  # P: lower-case x, spaces, full width, old 15 digits, a mistyped digit
OTHER_DOCUMENT_SHARE = 0.008  # P: passports and permits
ODD_NAME_SHARE = 0.003  # P
MISSING_PHONE_SHARE = 0.05  # P

REPEAT_SHARE = 0.025  # ordered: at least 2 % of scans are posted again unchanged
REPEAT_BATCH_SHARE = 0.01  # P: whole batches posted again after a lost answer
CONFLICT_SHARE = 0.001  # P: an id used again with other content
BAD_SHARE = 0.016  # ordered: at least 1 % of posts are wrong
LATE_SHARE = 0.03  # ordered: at least 1 %; share of scans at sites that lose the network for a while
OFFLINE_MINUTES = (35, 95)  # P

#: P. Minutes by which the clocks of the two quietest checkpoints are wrong.
CLOCK_ERRORS_MINUTES = (-180.0, 25.0)
