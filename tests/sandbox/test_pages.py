"""The pages answer with what belongs on them."""

import pytest

from tests.sandbox.conftest import CORP, World
from wxtag.sandbox.acts.place import CITIES


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", ["微信与企业微信", "企业微信客户端", "赵敏", "陈宇", "林晓", "企业管理后台", "尚未配置"]),
        (f"staff/{CORP}/ZhaoMin", ["赵敏的企业微信", "小满茶铺", "我的客户"]),
        ("people", ["微信用户", "林晓", "王强", "梅子"]),
        (
            "people/lin",
            [
                "林晓的微信",
                "关注公众号",
                "扫渠道码",
                "上报位置",
                "发消息",
                "发送位置",
                "登录小程序",
                "授权手机号",
                "添加导购为好友",
                "删除好友",
                "取消关注",
                "杭州",
                "乌鲁木齐",
            ],
        ),
        ("console", ["企业管理后台", "新建标签组", "故障", "开关", "接口调用", "回调"]),
    ],
)
def test_page(world: World, path: str, words: list[str]) -> None:
    answer = world.raw(path)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")
    for word in words:
        assert word in answer.text, word
    assert "http://" not in answer.text.replace("http://127.0.0.1", "") and "https://" not in answer.text


def test_static_files_and_unknown_people(world: World) -> None:
    for name in ("base.css", "base.js", "staff.css", "staff.js", "person.js", "console.js", "icon.svg"):
        assert world.raw(f"static/{name}").status_code == 200
    assert world.raw("people/nobody").status_code == 400
    assert world.raw(f"staff/{CORP}/Nobody").status_code == 400


def test_names_are_escaped(world: World) -> None:
    world.control("POST", "people", {"id": "evil", "name": "<b>x</b>"})
    assert "<b>x</b>" not in world.raw("people").text
    assert "<b>x</b>" not in world.raw("people/evil").text


def test_enough_cities() -> None:
    wanted = ("杭州", "上海", "北京", "广州", "深圳", "成都", "武汉", "西安", "南京", "苏州", "宁波")
    assert len(CITIES) >= 20 and all(city in CITIES for city in wanted)
    assert all(18 < lat < 54 and 73 < lng < 135 for lat, lng in CITIES.values())


def test_state_of_a_person(world: World) -> None:
    world.act("follow", person="lin")
    world.act("add_friend", person="lin", userid="ZhaoMin")
    state = world.control("GET", "state/lin")
    assert [a["on"] for a in state["accounts"]] == [True, False] and state["friends"] == ["赵敏"]
