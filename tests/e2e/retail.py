"""An invented retail organisation for the page: few units, but every case that the page has to show.

Ties, a return bigger than the sales, somebody far past the target, people without a target, newcomers of today, a name
of eleven characters, one that is markup, more reps than the stream's window, a unit without sales.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from events.contract import CalendarSet, RepJoined, SaleRecorded, Subject, TargetSet, UnitLed, UnitPlaced
from events.facts import Fact
from events.instants import instant_ms

NOW = datetime(2026, 5, 21, 6, 32, 8, tzinfo=UTC)
"""The instant of every test: 14:32:08 on a Thursday in Shanghai."""

YUAN = 100
MARKUP_NAME = "<b>叶</b>&子涵"
LONG_STORE = "德基广场二期旗舰体验店（地铁2号线出口）"

UNITS = (
    # unit_id, name, level, parent, monthly target in yuan (0 = none)
    ("cn", "全国", "nation", None, 32_000_000),
    ("hd", "华东大区", "region", "cn", 24_000_000),
    ("hn", "华南大区", "region", "cn", 9_000_000),
    ("js", "江苏省", "province", "hd", 15_500_000),
    ("zj", "浙江省", "province", "hd", 8_500_000),
    ("gd", "广东省", "province", "hn", 9_000_000),
    ("nj", "南京市", "city", "js", 13_200_000),
    ("sz", "苏州市", "city", "js", 2_300_000),
    ("hz", "杭州市", "city", "zj", 8_500_000),
    ("gz", "广州市", "city", "gd", 9_000_000),
    ("xjk", "新街口片区", "area", "nj", 5_480_000),
    ("hx", "河西片区", "area", "nj", 1_680_000),
    ("jn", "江宁片区", "area", "nj", 1_600_000),
    ("yh", "雨花秦淮片区", "area", "nj", 2_760_000),
    ("jb", "江北新区片区（筹备）", "area", "nj", 0),
    ("gy", "园区片区", "area", "sz", 2_300_000),
    ("xh", "西湖片区", "area", "hz", 8_500_000),
    ("th", "天河片区", "area", "gz", 9_000_000),
    ("s-dj", "德基广场店", "store", "xjk", 1_540_000),
    ("s-dj2", LONG_STORE, "store", "xjk", 900_000),
    ("s-xjk", "新街口旗舰店", "store", "xjk", 1_860_000),
    ("s-jy", "金鹰国际店", "store", "xjk", 1_240_000),
    ("s-hx", "河西万象天地店", "store", "hx", 1_680_000),
    ("s-jn", "江宁砂之船店", "store", "jn", 1_600_000),
    ("s-hy", "虹悦城店", "store", "yh", 1_500_000),
    ("s-sy", "水游城店", "store", "yh", 1_260_000),
    ("s-gy", "圆融时代广场店", "store", "gy", 2_300_000),
    ("s-xh", "湖滨银泰店", "store", "xh", 8_500_000),
    ("s-th", "天河城店", "store", "th", 9_000_000),
)
LEADERS = {
    "cn": "邵立民",
    "hd": "顾长风",
    "hn": "梁启航",
    "js": "蒋文斌",
    "zj": "骆佳琪",
    "nj": "陈立新",
    "hz": "方志远",
    "gz": "任正阳",
    "xjk": "钱卫东",
    "hx": "孔令仪",
    "jn": "陶玉芬",
    "yh": "薛明远",
    "s-dj": "俞敏",
    "s-xjk": "石磊",
    "s-hx": "严静",
}
NANJING = (
    # name, store, sold this month in yuan, target in yuan (0 = none), of that sold today
    ("周婉清", "s-dj", 682_460, 560_000, 12_300),
    ("孙浩然", "s-xjk", 618_900, 640_000, 31_200),
    ("阿卜杜热西提·买买提依明", "s-jy", 601_288, 480_000, 4_100),
    ("赵雨桐", "s-hx", 577_340, 600_000, 0),
    ("徐若曦", "s-dj", 541_076, 520_000, 61_000),
    ("陈嘉怡", "s-jn", 486_500, 560_000, 9_900),
    ("马俊杰", "s-hy", 486_500, 500_000, 2_000),
    ("林芷若", "s-xjk", 462_918, 620_000, 7_800),
    ("吴思远", "s-hx", 455_076, 600_000, 33_000),
    ("欧阳慧敏", "s-dj2", 431_260, 460_000, 0),
    ("黄子轩", "s-jn", 398_700, 480_000, 5_600),
    ("何静怡", "s-sy", 377_120, 420_000, 8_000),
    ("郭一鸣", "s-jn", 362_455, 520_000, 22_500),
    ("高雅琴", "s-hy", 351_009, 400_000, 1_200),
    ("罗文博", "s-xjk", 340_880, 600_000, 0),
    ("梁晓彤", "s-sy", 318_640, 360_000, 318_640),
    ("宋雨泽", "s-hx", 296_310, 480_000, 16_000),
    ("唐语嫣", "s-jy", 264_400, 0, 3_000),
    ("许国栋", "s-hy", 240_188, 400_000, 0),
    ("韩梦洁", "s-jn", 221_640, 420_000, 7_600),
    ("冯建军", "s-sy", 187_300, 360_000, 0),
    ("彭思琪", "s-jy", 96_820, 1_000, 96_820),
    ("曾志强", "s-hy", 41_355, 360_000, 0),
    ("尤努斯·艾力", "s-sy", 1_299, 0, 0),
    (MARKUP_NAME, "s-hy", 899, 300_000, 0),
    ("田晓东", "s-jy", -3_260, 320_000, -3_999),
    ("沈若兰", "s-xjk", 0, 480_000, 0),
    ("邓云飞", "s-hx", 0, 0, 0),
    ("程一诺", "s-jn", 0, 420_000, 0),
)
OTHER_STORES = (("s-gy", 6), ("s-xh", 55), ("s-th", 48))
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹"
GIVEN = [
    "子涵",
    "雨桐",
    "欣怡",
    "浩宇",
    "梓萱",
    "诗琪",
    "俊熙",
    "佳怡",
    "明轩",
    "雅静",
    "志强",
    "晓燕",
    "文杰",
    "思源",
    "建华",
]


@dataclass(frozen=True)
class Rep:
    """A rep, and what the month is to bring in yuan."""

    rep_id: str
    name: str
    store: str
    month: int
    target: int
    today: int


def reps() -> list[Rep]:
    """Everybody, the same every time."""
    chance = random.Random(20260521)
    everybody = [Rep(f"rep-{at:04}", *fields) for at, fields in enumerate(NANJING, 1)]
    for store, count in OTHER_STORES:
        for _ in range(count):
            name = chance.choice(SURNAMES) + chance.choice(GIVEN)
            month = chance.randrange(18_000, 210_000)
            target = chance.choice([0, 80_000, 120_000, 160_000, 200_000])
            rep_id = f"rep-{len(everybody) + 1:04}"
            everybody.append(Rep(rep_id, name, store, month, target, month // chance.choice([9, 14, 30])))
    return everybody


def fact(kind: str, key: str, data: object, at: datetime = NOW, source: str = "/hr") -> Fact:
    """A fact recorded at an instant."""
    recorded = int(at.timestamp() * 1_000)
    return Fact(kind, source, key, data, recorded if kind.startswith("sale.") else 0, recorded)


def sale(rep: Rep, sale_id: str, amount_minor: int, at: datetime = NOW) -> Fact:
    """A sale of one line."""
    occurred_at = at.isoformat()
    data = SaleRecorded(
        sale_id=sale_id, line=1, revision=0, rep_id=rep.rep_id, unit_id=rep.store, occurred_at=occurred_at,
        amount_minor=amount_minor, currency="CNY", quantity=1 if amount_minor > 0 else -1,
    )  # fmt: skip
    recorded = fact("sale.recorded.v1", rep.rep_id, data, at, f"/pos/{rep.store}")
    return recorded._replace(occurred_ms=instant_ms(occurred_at))


def organisation() -> Iterator[Fact]:
    """Units, leaders, reps and the selling calendar of the south, which rests on Sundays."""
    for unit_id, name, level, parent_id, _ in UNITS:
        placed = UnitPlaced(unit_id=unit_id, name=name, level=level, parent_id=parent_id, effective_on="2025-01-01")
        yield fact("unit.placed.v1", "control", placed)
    for at, (unit_id, name) in enumerate(LEADERS.items(), 1):
        person = f"lead-{at:03}"
        joined = RepJoined(rep_id=person, display_name=name, unit_id="office", effective_on="2025-01-01")
        yield fact("rep.joined.v1", person, joined)
        yield fact("unit.led.v1", "control", UnitLed(unit_id=unit_id, rep_id=person, effective_on="2025-01-01"))
    rest = CalendarSet(unit_id="hn", effective_on="2025-01-01", weekdays=(1, 2, 3, 4, 5, 6))
    yield fact("calendar.set.v1", "control", rest)
    for rep in reps():
        joined = RepJoined(rep_id=rep.rep_id, display_name=rep.name, unit_id=rep.store, effective_on="2025-11-03")
        yield fact("rep.joined.v1", rep.rep_id, joined)


def targets() -> Iterator[Fact]:
    """Targets for the month; for the day, the week, the quarter and the year of some."""

    def set_to(kind: str, subject_id: str, bucket: str, yuan: int) -> Fact:
        subject = Subject.model_validate({"type": kind, "id": subject_id})
        data = TargetSet(
            subject=subject, bucket=bucket, metric="revenue", value=yuan * YUAN, revision=0, reason="plan", set_by="hq"
        )
        return fact("target.set.v1", subject_id, data)

    parts = {"2026-05": 1, "2026-05-21": 1 / 31, "2026-W21": 7 / 31, "2026-Q2": 3, "2026": 12}
    for unit_id, *_, yuan in UNITS:
        if yuan:
            yield from (set_to("unit", unit_id, bucket, round(yuan * part)) for bucket, part in parts.items())
    for at, rep in enumerate(reps()):
        if rep.target:
            buckets = parts if at % 3 else {"2026-05": 1}
            yield from (set_to("rep", rep.rep_id, bucket, round(rep.target * part)) for bucket, part in buckets.items())


def sales() -> Iterator[Fact]:
    """The month's sales, spread over its days, and some of the months before."""
    chance = random.Random(7)
    noon = datetime(2026, 5, 21, 4, 0, tzinfo=UTC)
    for rep in reps():
        number = 0
        if rep.today:
            yield sale(rep, f"{rep.rep_id}-today", rep.today * YUAN, noon + timedelta(minutes=chance.randrange(120)))
        before = (rep.month - rep.today) * YUAN
        days = sorted(chance.sample(range(1, 21), 6))
        for at, day in enumerate(days):
            amount = before - sum(before // 6 for _ in days[1:]) if at == 0 else before // 6
            if amount:
                number += 1
                yield sale(rep, f"{rep.rep_id}-{number}", amount, noon - timedelta(days=day))
        if rep.month > 50_000:
            for month in (2, 4):
                sold = chance.randrange(40_000, 400_000) * YUAN + chance.randrange(100)
                yield sale(rep, f"{rep.rep_id}-m{month}", sold, datetime(2026, month, 15, 4, tzinfo=UTC))


def everything() -> Iterator[Fact]:
    """All facts: the organisation first, though their order does not matter."""
    yield from organisation()
    yield from targets()
    yield from sales()
