"""An invented Chinese retail organisation: nation > region > province > city > area > store, and its people.

Places are real cities; the company, its stores and its people are not. The same seed gives the same organisation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

GEOGRAPHY: dict[str, dict[str, tuple[str, ...]]] = {
    "华东大区": {
        "上海市": ("浦东新区", "静安区", "徐汇区"),
        "江苏省": ("南京市", "苏州市", "无锡市"),
        "浙江省": ("杭州市", "宁波市", "温州市"),
        "山东省": ("济南市", "青岛市"),
        "福建省": ("福州市", "厦门市"),
    },
    "华南大区": {
        "广东省": ("广州市", "深圳市", "佛山市"),
        "广西壮族自治区": ("南宁市", "桂林市"),
        "海南省": ("海口市", "三亚市"),
    },
    "华北大区": {
        "北京市": ("朝阳区", "海淀区", "西城区"),
        "天津市": ("和平区", "南开区"),
        "河北省": ("石家庄市", "唐山市"),
    },
    "华中大区": {
        "湖北省": ("武汉市", "宜昌市"),
        "湖南省": ("长沙市", "株洲市"),
        "河南省": ("郑州市", "洛阳市"),
    },
    "西南大区": {
        "四川省": ("成都市", "绵阳市"),
        "重庆市": ("渝中区", "江北区"),
        "云南省": ("昆明市", "大理市"),
    },
    "东北大区": {
        "辽宁省": ("沈阳市", "大连市"),
        "黑龙江省": ("哈尔滨市", "大庆市"),
    },
    "西北大区": {
        "陕西省": ("西安市", "咸阳市"),
        "新疆维吾尔自治区": ("乌鲁木齐市", "喀什市"),
    },
}
AREAS = ("城东片区", "城西片区", "城南片区", "城北片区", "中心片区", "新城片区")
PLACES = (
    "万象天地", "银泰城", "大悦城", "万达广场", "吾悦广场", "天街", "印象城", "来福士", "太古里", "环球港",
    "世纪广场", "人民路", "中山路", "解放路", "步行街", "火车站", "地铁口", "大学城", "奥体中心", "滨江",
)  # fmt: skip
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡"
    "余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯"
    "龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
GIVEN = (
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "涛", "明", "超", "霞", "平", "刚",
    "婷", "雪", "慧", "莹", "琳", "倩", "欣怡", "子涵", "雨桐", "浩然", "思远", "嘉怡", "俊杰", "若曦", "婉清", "一鸣",
    "静怡", "雅琴", "文博", "晓彤", "雨泽", "欣妍", "语嫣", "国栋", "梦洁", "建军", "佳宁", "思琪", "志强", "晓东",
    "若兰", "云飞", "子轩", "一诺", "文静", "小龙", "梓萱", "诗琪", "俊熙", "明轩", "雅静", "晓燕", "文杰", "思源",
    "建华", "丽娜", "海燕", "秀兰", "天宇", "宇航", "晨曦", "书瑶", "可欣", "沐宸", "奕辰", "芷若", "景行", "怀瑾",
)  # fmt: skip
UYGHUR_NAMES = ("阿卜杜热西提·买买提依明", "古丽娜尔·阿不都热依木", "尤努斯·艾力", "阿依古丽·吐尔逊", "买买提·库尔班")


@dataclass(frozen=True, slots=True)
class Unit:
    """A node of the organisation; ``weight`` scales its sales (a flagship sells more than a kiosk)."""

    unit_id: str
    name: str
    level: str
    parent_id: str | None
    leader_id: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Seller:
    """A rep of a unit, mostly a store; ``skill`` scales his or her sales."""

    rep_id: str
    name: str
    unit_id: str
    skill: float
    joined_days_ago: int


@dataclass(slots=True)
class Organisation:
    """All units, parents before children, and all sellers."""

    units: list[Unit] = field(default_factory=list)
    sellers: list[Seller] = field(default_factory=list)

    def stores(self) -> Iterator[Unit]:
        """The leaves."""
        return (unit for unit in self.units if unit.level == "store")


class Builder:
    """Draws an organisation from one random source, in a fixed order."""

    def __init__(self, seed: int, *, areas_per_city: int, stores_per_area: int, sellers_per_store: int) -> None:
        self._random = random.Random(seed)
        self._areas, self._stores, self._sellers = areas_per_city, stores_per_area, sellers_per_store
        self._seller_count = self._store_count = 0
        self._made = Organisation()

    def build(self) -> Organisation:
        """The whole organisation."""
        nation = self._unit("cn", "全国", "nation", None)
        for r, (region, provinces) in enumerate(GEOGRAPHY.items(), 1):
            region_id = self._unit(f"region-{r}", region, "region", nation)
            for p, (province, cities) in enumerate(provinces.items(), 1):
                province_id = self._unit(f"province-{r}{p}", province, "province", region_id)
                for c, city in enumerate(cities, 1):
                    self._city(f"{r}{p}{c}", city, province_id)
        return self._made

    def _city(self, number: str, name: str, province_id: str) -> None:
        city_id = self._unit(f"city-{number}", name, "city", province_id)
        places = self._random.sample(PLACES, len(PLACES))
        for a, area in enumerate(self._random.sample(AREAS, self._areas), 1):
            area_id = self._unit(f"area-{number}{a}", f"{name.rstrip('市区')}{area}", "area", city_id)
            for _ in range(self._random.randint(max(1, self._stores - 1), self._stores + 1)):
                self._store(name.rstrip("市区"), places.pop(), area_id)

    def _store(self, city: str, place: str, area_id: str) -> None:
        self._store_count += 1
        weight = self._random.choice((0.6, 0.8, 1.0, 1.0, 1.2, 1.6, 2.2))
        suffix = "旗舰店" if weight > 2 else "店"
        store_id = f"store-{self._store_count:04d}"
        staff = self._random.randint(self._sellers - 3, self._sellers + 3)
        self._unit(store_id, f"{city}{place}{suffix}", "store", area_id, weight)
        for _ in range(staff - 1):
            self._seller(store_id, self._seller_name(city), self._random.lognormvariate(0, 0.6))

    def _unit(self, unit_id: str, name: str, level: str, parent_id: str | None, weight: float = 1.0) -> str:
        """A unit and the person responsible for it, who belongs to it and sells too, if less."""
        skill = 1.0 if level == "store" else 0.4
        leader = self._seller(unit_id, self._name(), skill)
        self._made.units.append(Unit(unit_id, name, level, parent_id, leader, weight))
        return unit_id

    def _seller(self, unit_id: str, name: str, skill: float) -> str:
        self._seller_count += 1
        seller = Seller(f"rep-{self._seller_count:05d}", name, unit_id, skill, self._random.randint(20, 2000))
        self._made.sellers.append(seller)
        return seller.rep_id

    def _seller_name(self, city: str) -> str:
        if city in ("乌鲁木齐", "喀什") and self._random.random() < 0.5:
            return self._random.choice(UYGHUR_NAMES)
        return self._name()

    def _name(self) -> str:
        return self._random.choice(SURNAMES) + self._random.choice(GIVEN)


def build_organisation(
    seed: int = 1, *, areas_per_city: int = 2, stores_per_area: int = 3, sellers_per_store: int = 9
) -> Organisation:
    """The demo organisation: by default about 280 stores and 2,600 sellers.

    Args:
        seed: the same seed gives the same organisation.
        areas_per_city: at most 6.
        stores_per_area: on average.
        sellers_per_store: on average, at least 4.
    """
    return Builder(
        seed, areas_per_city=areas_per_city, stores_per_area=stores_per_area, sellers_per_store=sellers_per_store
    ).build()
