"""Downtown coordinates (GCJ-02) of cities, as a phone in China would report them."""

from wxtag.sandbox.errors import ActError
from wxtag.sandbox.texts import TEXTS
from wxtag.sandbox.world import Doc

# Name, latitude, longitude of a busy spot downtown.
CITIES: dict[str, tuple[float, float]] = {
    "杭州": (30.259244, 120.165030),
    "上海": (31.234527, 121.475440),
    "北京": (39.914500, 116.410300),
    "广州": (23.125800, 113.270000),
    "深圳": (22.541300, 114.110500),
    "成都": (30.657400, 104.079600),
    "武汉": (30.581300, 114.284600),
    "西安": (34.259500, 108.947000),
    "南京": (32.041500, 118.784000),
    "苏州": (31.311300, 120.622500),
    "宁波": (29.868700, 121.550300),
    "重庆": (29.557000, 106.577600),
    "天津": (39.120600, 117.190600),
    "长沙": (28.195000, 112.976400),
    "郑州": (34.753000, 113.665500),
    "青岛": (36.064900, 120.380000),
    "济南": (36.664000, 117.021000),
    "合肥": (31.862500, 117.285600),
    "福州": (26.082600, 119.297600),
    "厦门": (24.456400, 118.081900),
    "昆明": (25.040000, 102.709300),
    "沈阳": (41.801600, 123.459000),
    "哈尔滨": (45.770200, 126.618900),
    "温州": (28.015400, 120.654400),
    "绍兴": (29.998600, 120.582500),
    "嘉兴": (30.759300, 120.755600),
    "金华": (29.106900, 119.652000),
    "无锡": (31.574500, 120.301000),
    "南昌": (28.676400, 115.901500),
    "贵阳": (26.581500, 106.713500),
    "南宁": (22.820900, 108.321900),
    "兰州": (36.056800, 103.833200),
    "乌鲁木齐": (43.793500, 87.615600),
}


def coordinates(body: Doc) -> tuple[float, float, str]:
    """Latitude, longitude and a label, from a city's name or from numbers."""
    city = str(body.get("city") or "")
    if city:
        spot = CITIES.get(city.removesuffix("市"))
        if spot is None:
            raise ActError(TEXTS["no_city"].format(city))
        return spot[0], spot[1], TEXTS["city_centre"].format(city)
    try:
        return float(body["latitude"]), float(body["longitude"]), str(body.get("label") or "")
    except (KeyError, TypeError, ValueError) as problem:
        raise ActError(TEXTS["no_place"]) from problem
