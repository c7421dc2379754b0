"""Followers and Official Account tags."""

import pytest

from tests.sandbox.conftest import CORP, MINI, OA, World


def follow(world: World, *people: str, **more: object) -> None:
    for person in people:
        world.act("follow", person=person, **more)


def test_user_info_of_a_follower(world: World) -> None:
    world.wechat(
        "cgi-bin/qrcode/create",
        {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "store-017"}}},
    )
    follow(world, "lin", scene="store-017")
    info = world.wechat("cgi-bin/user/info", openid=world.openid("lin"))
    assert info["subscribe"] == 1 and info["qr_scene_str"] == "store-017" and info["qr_scene"] == 0
    assert info["nickname"] == "" and info["headimgurl"] == "" and "errcode" not in info
    assert info["unionid"] == world.person("lin")["unionids"]["sandbox-open"]
    assert info["subscribe_scene"] == "ADD_SCENE_QR_CODE"
    world.switches({"wechat.userinfo_names": "absent", "wechat.unionid_missing": True})
    info = world.wechat("cgi-bin/user/info", openid=world.openid("lin"))
    assert "nickname" not in info and "unionid" not in info


def test_user_info_of_others(world: World) -> None:
    openid = world.openid("lin")
    assert world.wechat("cgi-bin/user/info", openid=openid) == {
        "subscribe": 0,
        "openid": openid,
        "unionid": world.person("lin")["unionids"]["sandbox-open"],
    }
    assert world.wechat("cgi-bin/user/info", openid=world.openid("lin", MINI))["errcode"] == 40003
    assert world.wechat("cgi-bin/user/info", openid="nobody")["errcode"] == 40003


def test_ids_differ_by_account_and_unionid_needs_a_binding(world: World) -> None:
    lone = world.control("POST", "accounts", {"kind": "official_account", "open_platform": None})
    lin = world.person("lin")
    assert len({lin["openids"][OA], lin["openids"][MINI], lin["openids"][lone["appid"]]}) == 3
    assert all(len(o) == 28 and o.startswith("o") for o in lin["openids"].values())
    assert lin["external_userids"][CORP].startswith("wm") and len(lin["external_userids"][CORP]) == 32
    info = world.wechat("cgi-bin/user/info", appid=lone["appid"], openid=lin["openids"][lone["appid"]])
    assert info == {"subscribe": 0, "openid": lin["openids"][lone["appid"]]}
    world.control("PUT", f"accounts/{lone['appid']}/settings", {"open_platform": "other"})
    lin = world.person("lin")
    assert lin["unionids"]["other"] != lin["unionids"]["sandbox-open"]


def test_batchget(world: World) -> None:
    follow(world, "lin")
    ask = lambda openids: world.wechat(  # noqa: E731
        "cgi-bin/user/info/batchget", {"user_list": [{"openid": o} for o in openids]}
    )
    got = ask([world.openid("lin"), world.openid("wang")])["user_info_list"]
    assert [user["subscribe"] for user in got] == [1, 0] and "unionid" in got[1]
    assert ask([])["errcode"] == 40032
    assert ask([world.openid("lin")] * 101)["errcode"] == 40032
    assert ask([world.openid("lin"), world.openid("lin", MINI)])["errcode"] == 40003
    world.switches({"wechat.batchget_foreign_code": 0, "wechat.batchget_max": 1})
    assert ask([world.openid("lin", MINI)])["user_info_list"] == []
    assert ask([world.openid("lin")] * 2)["errcode"] == 40032


@pytest.mark.parametrize("shape", ["last_openid", "empty"])
def test_follower_list_pages(world: World, shape: str) -> None:
    world.switches({"wechat.user_get_page_size": 2, "wechat.user_get_end_shape": shape})
    assert world.wechat("cgi-bin/user/get") == {"total": 0, "count": 0, "next_openid": ""}
    follow(world, "lin", "wang", "mei")
    first = world.wechat("cgi-bin/user/get")
    assert first["total"] == 3 and first["count"] == 2
    assert first["next_openid"] == first["data"]["openid"][-1] == world.openid("wang")
    last = world.wechat("cgi-bin/user/get", next_openid=first["next_openid"])
    assert last["data"]["openid"] == [world.openid("mei")] and last["count"] == 1
    assert last["next_openid"] == ("" if shape == "empty" else world.openid("mei"))
    after = world.wechat("cgi-bin/user/get", next_openid=world.openid("mei"))
    assert after == {"total": 3, "count": 0, "next_openid": ""}


def test_unfollow_leaves_the_list(world: World) -> None:
    follow(world, "lin", "wang")
    world.act("unfollow", person="lin")
    assert world.wechat("cgi-bin/user/get")["data"]["openid"] == [world.openid("wang")]
    assert world.act("unfollow", status=400, person="lin")["ok"] is False


def test_remark_counts_bytes(world: World) -> None:
    follow(world, "lin")
    ask = lambda remark: world.wechat(  # noqa: E731
        "cgi-bin/user/info/updateremark", {"openid": world.openid("lin"), "remark": remark}
    )["errcode"]
    assert ask("九个字九个字九个字") == 0
    assert ask("十个字十个字十个字十") == 40092
    assert world.wechat("cgi-bin/user/info", openid=world.openid("lin"))["remark"] == "九个字九个字九个字"


def test_account_tags(world: World) -> None:
    create = lambda name: world.wechat("cgi-bin/tags/create", {"tag": {"name": name}})  # noqa: E731
    made = create("上海")["tag"]
    assert create("上海")["errcode"] == 45157
    assert create("十一个汉字的名字太长了")["errcode"] == 45158 and create("十个汉字的名字刚好行")["tag"]
    follow(world, "lin")
    tagging = lambda verb, **b: world.wechat(f"cgi-bin/tags/members/{verb}", b)["errcode"]  # noqa: E731
    one = [world.openid("lin")]
    assert tagging("batchtagging", openid_list=one, tagid=made["id"]) == 0
    assert tagging("batchtagging", openid_list=one, tagid=9999) == 45159
    assert tagging("batchtagging", openid_list=one * 51, tagid=made["id"]) == 40032
    assert tagging("batchtagging", openid_list=[world.openid("lin", MINI)], tagid=made["id"]) == 49003
    assert tagging("batchtagging", openid_list=["nobody"], tagid=made["id"]) == 40003
    assert world.wechat("cgi-bin/tags/getidlist", {"openid": one[0]}) == {"tagid_list": [made["id"]]}
    fans = world.wechat("cgi-bin/user/tag/get", {"tagid": made["id"], "next_openid": ""})
    assert fans["count"] == 1 and fans["data"]["openid"] == one
    listed = world.wechat("cgi-bin/tags/get")["tags"]
    assert listed[0] == {"id": 2, "name": "星标组", "count": 0}
    assert {"id": made["id"], "name": "上海", "count": 1} in listed
    assert world.wechat("cgi-bin/tags/update", {"tag": {"id": 2, "name": "x"}})["errcode"] == 45058
    assert world.wechat("cgi-bin/tags/delete", {"tag": {"id": 0}})["errcode"] == 45058
    assert tagging("batchuntagging", openid_list=one, tagid=made["id"]) == 0
    empty = world.wechat("cgi-bin/user/tag/get", {"tagid": made["id"]})
    assert empty == {"count": 0, "next_openid": ""}


def test_tag_limits(world: World) -> None:
    follow(world, "lin")
    made = [world.wechat("cgi-bin/tags/create", {"tag": {"name": f"t{n}"}})["tag"]["id"] for n in range(100)]
    assert world.wechat("cgi-bin/tags/create", {"tag": {"name": "more"}})["errcode"] == 45056
    body = {"openid_list": [world.openid("lin")]}
    put = lambda tag: world.wechat("cgi-bin/tags/members/batchtagging", {**body, "tagid": tag})  # noqa: E731
    assert [put(tag)["errcode"] for tag in made[:21]] == [0] * 20 + [45059]


def test_qr_codes(world: World) -> None:
    create = lambda **b: world.wechat("cgi-bin/qrcode/create", b)  # noqa: E731
    scene = lambda **s: {"scene": s}  # noqa: E731
    made = create(expire_seconds=60, action_name="QR_SCENE", action_info=scene(scene_id=17))
    assert made["expire_seconds"] == 60 and made["url"].startswith("http://weixin.qq.com/q/")
    assert "expire_seconds" not in create(action_name="QR_LIMIT_SCENE", action_info=scene(scene_id=18))
    assert create(action_name="QR_X", action_info=scene(scene_id=1))["errcode"] == 40052
    assert create(action_name="QR_STR_SCENE", action_info=scene(scene_str="x" * 65))["errcode"] == 40053
    assert create(action_name="QR_LIMIT_SCENE", action_info=scene(scene_id=100_001))["errcode"] == 40053
    image = world.raw("wechat-api/cgi-bin/showqrcode", params={"ticket": made["ticket"]})
    assert image.content.startswith(b"\x89PNG")
    assert world.raw("wechat-api/cgi-bin/showqrcode", params={"ticket": "x"}).status_code == 404
    follow(world, "lin", scene=17)
    assert world.wechat("cgi-bin/user/info", openid=world.openid("lin"))["qr_scene"] == 17
    world.skew(61)
    assert world.act("scan", status=400, person="wang", scene=17)["ok"] is False


def test_customer_messages_need_a_window(world: World) -> None:
    body = {"touser": world.openid("lin"), "msgtype": "text", "text": {"content": "hi"}}
    send = lambda: world.wechat("cgi-bin/message/custom/send", body)["errcode"]  # noqa: E731
    assert send() == 45015
    follow(world, "lin")
    assert [send() for _ in range(4)] == [0, 0, 0, 45047]
    world.act("send_text", person="lin", text="hello")
    assert [send() for _ in range(6)] == [0] * 5 + [45047]
    world.act("menu_click", person="lin", key="k")
    world.skew(61)
    assert send() == 45047
    world.skew(48 * 3600 + 1)
    world._tokens.clear()
    assert send() == 45015


def test_changeopenid_after_a_migration(world: World) -> None:
    new = world.control("POST", "accounts", {"kind": "official_account"})["appid"]
    follow(world, "lin")
    body = {"from_appid": OA, "openid_list": [world.openid("lin"), world.openid("wang")]}
    assert world.wechat("cgi-bin/changeopenid", body, appid=new)["errcode"] == 63178
    world.control("PUT", f"accounts/{new}/settings", {"migrated_from": [OA]})
    rows = world.wechat("cgi-bin/changeopenid", body, appid=new)["result_list"]
    assert rows[0]["new_openid"] == world.openid("lin", new) and rows[0]["err_msg"] == "ok"
    assert rows[1] == {"ori_openid": world.openid("wang"), "err_msg": "ori_openid error"}
