"""Provinces and cities by official code (GB/T 2260): from coordinates, from names, and in named sets.

A place is six digits: a city (330100), a municipality or region without cities as a whole (310000, 710000),
or a province of which no city is known (330000).
"""

import csv
import difflib
import importlib
import logging
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("places_data.csv")
MUNICIPALITIES = ("110000", "120000", "310000", "500000")
DATUMS = ("gcj02", "wgs84")
log = logging.getLogger(__name__)

# The usual seven regions, and sets that people name in rules. The city tiers are after
# 第一财经's list of 2025; they move a little each year, so an admin may always list cities instead.
SETS = {
    "华北": "北京 天津 河北 山西 内蒙古",
    "东北": "辽宁 吉林省 黑龙江",
    "华东": "上海 江苏 浙江 安徽 福建 江西 山东",
    "华中": "河南 湖北 湖南",
    "华南": "广东 广西 海南",
    "西南": "重庆 四川 贵州 云南 西藏",
    "西北": "陕西 甘肃 青海 宁夏 新疆",
    "港澳台": "香港 澳门 台湾",
    "直辖市": "北京 上海 天津 重庆",
    "京津冀": "北京 天津 河北",
    "长三角": "上海 江苏 浙江 安徽",
    "珠三角": "广州 深圳 珠海 佛山 江门 东莞 中山 惠州 肇庆",
    "粤港澳大湾区": "广州 深圳 珠海 佛山 江门 东莞 中山 惠州 肇庆 香港 澳门",
    "一线城市": "北京 上海 广州 深圳",
    "新一线城市": "成都 杭州 重庆 武汉 苏州 西安 南京 长沙 郑州 天津 合肥 青岛 东莞 宁波 佛山",
}


@dataclass(frozen=True)
class Place:
    """One row of the table."""

    code: str
    name: str
    short: str


def locate(latitude: float | None, longitude: float | None, datum: str = "gcj02") -> str | None:
    """The city (else the province) at these coordinates; None abroad, at sea, for nonsense, or when the
    boundaries are not installed. `datum` is gcj02 (maps in China) or wgs84 (plain GPS)."""
    if datum not in DATUMS:
        raise ValueError(f"datum is {datum!r}: expected gcj02 or wgs84")
    if latitude is None or longitude is None or not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180) or (latitude == 0 and longitude == 0):
        return None
    boundaries = _boundaries()
    if boundaries is None:
        return None
    if datum == "gcj02":
        longitude, latitude = boundaries.gcj02_to_wgs84(longitude, latitude)
    found = _tool().reverse(latitude, longitude)
    for region in (found.city, found.province):
        if region is not None and region.code in _table():
            return str(region.code)
    return None


def available() -> bool:
    """Whether coordinates can be turned into places: the optional package geotool-cn is installed."""
    return _boundaries() is not None


def city_name(code: str) -> tuple[str, str]:
    """(province, city) in short: ("浙江", "杭州"); the city is "" where the code is a whole province."""
    place = _table().get(code)
    if place is None:
        raise ValueError(f"{code!r} is not the code of a province or city")
    province = _table()[code[:2] + "0000"]
    return province.short, "" if place is province else place.short


def label(code: str) -> str:
    """How people see a place: `浙江·杭州`, `上海`; the code itself where it is not known."""
    try:
        province, city = city_name(code)
    except ValueError:
        return code
    return f"{province}·{city}" if city else province


def find(name: str) -> str | None:
    """The code for a code, a full name, a short name or a label; a name of both a province and a city
    (吉林) is the province's."""
    text = name.strip()
    if text.isdigit() and len(text) == 6:
        whole = text[:2] + "0000"
        return whole if whole in MUNICIPALITIES else text if text in _table() else None
    return _names().get(text)


def expand(names: list[str]) -> list[str]:
    """The codes of every city and province in these regions (codes, names or named sets), sorted.

    Raises ValueError, naming what is not known and what is near to it.
    """
    codes: set[str] = set()
    for name in names:
        for one in SETS[name].split() if name in SETS else [name]:
            code = find(one)
            if code is None:
                raise ValueError(unknown(name))
            codes.add(code)
            if code.endswith("0000"):
                codes.update(c for c in _table() if c[:2] == code[:2])
    return sorted(codes)


def unknown(name: str) -> str:
    """What to tell somebody who named a region that there is not."""
    near = difflib.get_close_matches(name, [*SETS, *_names()], n=9, cutoff=0.5)
    near.sort(key=lambda known: known[:1] != name[:1])  # of names equally near, the one that begins alike
    hint = f" (did you mean {near[0]}?)" if near else ""
    return (
        f"unknown region {name!r}{hint}: expected a province, a city, an official code like 330100, or a set"
    )


@cache
def _table() -> dict[str, Place]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {row["code"]: Place(row["code"], row["name"], row["short"]) for row in rows}


@cache
def _names() -> dict[str, str]:
    """Every spelling -> code. Provinces come last, so that they win a name that a city has too."""
    names: dict[str, str] = {}
    for place in sorted(_table().values(), key=lambda place: (place.code.endswith("0000"), place.code)):
        names[label(place.code)] = place.code
        names[place.short] = place.code
    return names | {place.name: place.code for place in _table().values()}


@cache
def _boundaries() -> Any:
    """The optional package; said once in the log when it is missing."""
    try:
        return importlib.import_module("GeoToolCN")
    except ImportError:
        log.warning(
            "geotool-cn is not installed: coordinates cannot be turned into cities, so places stay unknown "
            "(pip install geotool-cn; docs/platforms.md tells about the licence of its boundaries)"
        )
        return None


@cache
def _tool() -> Any:
    return _boundaries().GeoTool()
