"""Places: coordinates and names to official codes, and what is no place at all."""

import math
import sys

import pytest

from wxtag import places

CITIES = [
    ("北京 天安门", 39.9087, 116.3975, "110000"),
    ("天津 小白楼", 39.1170, 117.2060, "120000"),
    ("上海 人民广场", 31.2304, 121.4737, "310000"),
    ("重庆 解放碑", 29.5580, 106.5770, "500000"),
    ("杭州 武林广场", 30.2741, 120.1636, "330100"),
    ("宁波 天一广场", 29.8683, 121.5496, "330200"),
    ("南京 新街口", 32.0415, 118.7841, "320100"),
    ("苏州 观前街", 31.3117, 120.6253, "320500"),
    ("广州 北京路", 23.1256, 113.2680, "440100"),
    ("深圳 福田", 22.5410, 114.0590, "440300"),
    ("珠海 香洲", 22.2710, 113.5670, "440400"),
    ("东莞 南城", 23.0200, 113.7500, "441900"),
    ("成都 天府广场", 30.6570, 104.0660, "510100"),
    ("武汉 江汉路", 30.5810, 114.2890, "420100"),
    ("西安 钟楼", 34.2610, 108.9420, "610100"),
    ("郑州 二七塔", 34.7530, 113.6600, "410100"),
    ("长沙 五一广场", 28.1960, 112.9770, "430100"),
    ("青岛 五四广场", 36.0620, 120.3840, "370200"),
    ("哈尔滨 中央大街", 45.7730, 126.6180, "230100"),
    ("沈阳 中街", 41.7970, 123.4560, "210100"),
    ("昆明 翠湖", 25.0480, 102.7040, "530100"),
    ("乌鲁木齐", 43.8000, 87.6000, "650100"),
    ("拉萨 布达拉宫", 29.6580, 91.1170, "540100"),
    ("海口 钟楼", 20.0480, 110.3450, "460100"),
    ("儋州 那大", 19.5170, 109.5770, "460400"),
    ("仙桃", 30.3600, 113.4500, "429004"),
    ("恩施", 30.2830, 109.4860, "422800"),
    ("石河子", 44.3050, 86.0400, "659001"),
    ("香港 中环", 22.2819, 114.1580, "810000"),
    ("澳门 大三巴", 22.1975, 113.5408, "820000"),
    ("台北 101", 25.0340, 121.5645, "710000"),
    ("高雄", 22.6270, 120.3010, "710000"),
]


@pytest.mark.parametrize(("name", "latitude", "longitude", "code"), CITIES)
def test_downtown_is_in_its_city(name: str, latitude: float, longitude: float, code: str) -> None:
    assert places.locate(latitude, longitude, "wgs84") == code


def test_neighbours_on_both_sides_of_a_border() -> None:
    assert places.locate(31.300, 121.120, "wgs84") == "320500"  # 昆山花桥, west of the border
    assert places.locate(31.290, 121.230, "wgs84") == "310000"  # 嘉定安亭, east of it
    assert places.locate(22.5330, 114.1130, "wgs84") == "440300"  # 罗湖, north of the river
    assert places.locate(22.5020, 114.1280, "wgs84") == "810000"  # 上水, south of it


def test_the_datum_moves_a_point_across_a_border() -> None:
    """GCJ-02 shifts by some 500 m: of points near the border some belong to another city."""
    points = [(31.2975 + n * 0.0005, 121.0 + m * 0.004) for n in range(-20, 20) for m in range(60)]
    differ = [p for p in points if places.locate(*p, "gcj02") != places.locate(*p, "wgs84")]
    assert differ
    # The same spot in either datum: 天安门 is (39.90733, 116.39127) by GPS and this on a Chinese map.
    assert places.locate(39.90872, 116.39751, "gcj02") == places.locate(39.90733, 116.39127, "wgs84")


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        (0.0, 0.0),
        (math.nan, 120.0),
        (30.0, math.inf),
        (120.1636, 30.2741),
        (91.0, 120.0),
        (30.0, 181.0),
        (35.6812, 139.7671),
        (48.8566, 2.3522),
        (1.3521, 103.8198),
        (30.0, 125.0),
        (None, 120.0),
        (30.0, None),
    ],
)
def test_what_is_no_place_in_china(latitude: float | None, longitude: float | None) -> None:
    assert places.locate(latitude, longitude) is None
    assert places.locate(latitude, longitude, "wgs84") is None


def test_an_unknown_datum_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="bd09"):
        places.locate(30.0, 120.0, "bd09")


def test_without_the_boundaries_every_place_is_unknown(monkeypatch, caplog) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "GeoToolCN", None)
        places._boundaries.cache_clear()
        assert places.locate(30.2741, 120.1636) is None
        assert places.locate(31.2304, 121.4737) is None
        assert not places.available()
        assert caplog.text.count("geotool-cn is not installed") == 1
    places._boundaries.cache_clear()
    assert places.available()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("浙江", "330000"),
        ("浙江省", "330000"),
        ("杭州", "330100"),
        ("杭州市", "330100"),
        (" 杭州 ", "330100"),
        ("浙江·杭州", "330100"),
        ("330100", "330100"),
        ("上海", "310000"),
        ("310100", "310000"),
        ("310115", "310000"),
        ("内蒙古", "150000"),
        ("广西", "450000"),
        ("延边", "222400"),
        ("西双版纳", "532800"),
        ("吉林", "220000"),
        ("吉林市", "220200"),
        ("海南", "460000"),
        ("海南州", "632500"),
        ("香港", "810000"),
        ("330199", None),
        ("999999", None),
        ("亚特兰蒂斯", None),
        ("", None),
    ],
)
def test_names_and_codes(name: str, code: str | None) -> None:
    assert places.find(name) == code


def test_labels_are_short_and_unique() -> None:
    assert places.label("330100") == "浙江·杭州"
    assert places.label("310000") == "上海"
    assert places.label("710000") == "台湾"
    assert places.label("222400") == "吉林·延边"
    assert places.label("999999") == "999999"
    codes = places.expand([place for one in places.SETS.values() for place in one.split()])
    labels = [places.label(code) for code in codes]
    assert len(set(labels)) == len(codes) == 399
    assert all(places.find(label) == code for label, code in zip(labels, codes, strict=True))
    assert all(len(label) <= 30 and "/" not in label for label in labels)
    assert places.city_name("330100") == ("浙江", "杭州")
    assert places.city_name("330000") == ("浙江", "")


def test_regions_expand_to_their_cities() -> None:
    assert places.expand(["一线城市"]) == ["110000", "310000", "440100", "440300"]
    zhejiang = places.expand(["浙江"])
    assert len(zhejiang) == 12 and {"330000", "330100", "331100"} <= set(zhejiang)
    assert "330100" in places.expand(["华东"]) and "440100" not in places.expand(["华东"])
    assert places.expand(["杭州"]) == ["330100"]
    for name in places.SETS:
        assert places.expand([name])


def test_an_unknown_region_names_what_is_near() -> None:
    with pytest.raises(ValueError, match=r"'杭洲' \(did you mean 杭州\?\)"):
        places.expand(["浙江", "杭洲"])
    assert "did you mean 新一线城市" in places.unknown("新一线城巿")
