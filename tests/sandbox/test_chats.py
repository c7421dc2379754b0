"""Customer groups: their calls and their events."""

from tests.sandbox.conftest import CORP, Product, World
from tests.sandbox.opening import between, connect, opened


def test_the_life_of_a_group_in_events_and_calls(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    made = world.act("chat_create", userid="ZhaoMin", name="会员群", people=["lin"])
    chat = {"chat_id": made["chat_id"]}
    world.act("chat_join", **chat, person="wang", join_scene=3, state="join-7")
    world.act("chat_leave", **chat, person="lin", removed=True)
    world.act("chat_change", **chat, name="新会员群", owner="ChenYu")
    shown = world.wecom("externalcontact/groupchat/get", {**chat, "need_name": 1})["group_chat"]
    assert shown["name"] == "新会员群" and shown["owner"] == "ChenYu"
    guest = shown["member_list"][-1]
    assert guest["userid"] == world.external("wang") and guest["type"] == 2 and guest["join_scene"] == 3
    assert guest["state"] == "join-7" and guest["name"] == "王强" and guest["unionid"]
    listed = world.wecom("externalcontact/groupchat/list", {"limit": 10})
    assert listed["group_chat_list"] == [{"chat_id": chat["chat_id"], "status": 0}]
    found = world.wecom("externalcontact/opengid_to_chatid", {"opengid": made["opengid"]})
    assert found["chat_id"] == chat["chat_id"]
    world.act("chat_dismiss", **chat)
    assert world.wecom("externalcontact/groupchat/get", chat)["errcode"] == 49008
    assert world.wecom("externalcontact/groupchat/get", {"chat_id": "wrX"})["errcode"] == 40050
    world.idle()
    contents = [opened(account, push) for push in product.pushes()]
    changes = [between(content, "ChangeType") for content in contents]
    assert changes == ["create", "update", "update", "update", "update", "dismiss"]
    joined, left = contents[1], contents[2]
    assert between(joined, "UpdateDetail") == "add_member" and between(joined, "JoinScene") == "3"
    assert f"<MemChangeList><Item>{world.external('wang')}</Item></MemChangeList>" in joined
    assert between(joined, "CurMemVer") == between(left, "LastMemVer")
    assert between(left, "UpdateDetail") == "del_member" and between(left, "QuitScene") == "1"


def test_a_list_of_groups_goes_by_pages_and_owners(world: World) -> None:
    for number in range(5):
        world.act("chat_create", userid=("ZhaoMin", "ChenYu")[number % 2], name=f"群{number}")
    first = world.wecom("externalcontact/groupchat/list", {"limit": 3})
    cursor = first["next_cursor"]
    rest = world.wecom("externalcontact/groupchat/list", {"limit": 3, "cursor": cursor})
    assert len(first["group_chat_list"]) == 3 and len(rest["group_chat_list"]) == 2
    assert rest["next_cursor"] == ""
    own = {"limit": 10, "owner_filter": {"userid_list": ["ChenYu"]}}
    assert len(world.wecom("externalcontact/groupchat/list", own)["group_chat_list"]) == 2
    assert world.wecom("externalcontact/groupchat/list", {"limit": 0})["errcode"] == 40058
    wrong = {"limit": 3, "cursor": cursor, "status_filter": 1}
    assert world.wecom("externalcontact/groupchat/list", wrong)["errcode"] == 50100


def test_served_people_are_customers_and_strangers_of_groups(world: World) -> None:
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.act("chat_create", userid="ZhaoMin", name="群", people=["lin", "wang"])
    rows = world.wecom("externalcontact/contact_list", {"limit": 1})
    more = world.wecom("externalcontact/contact_list", {"limit": 1, "cursor": rows["next_cursor"]})
    assert rows["info_list"][0]["external_userid"] == world.external("lin")
    assert more["info_list"][0]["is_customer"] is False and more["info_list"][0]["name"] == "***强"
    assert more["next_cursor"] == ""


def test_groups_of_leavers_and_join_codes(world: World) -> None:
    chat = world.act("chat_create", userid="ZhaoMin", name="群")["chat_id"]
    take = {"chat_id_list": [chat], "new_owner": "ChenYu"}
    early = world.wecom("externalcontact/groupchat/transfer", take)["failed_chat_list"]
    assert [row["errcode"] for row in early] == [90500]
    world.act("staff_leave", userid="ZhaoMin")
    assert world.wecom("externalcontact/groupchat/transfer", take)["failed_chat_list"] == []
    way = {"scene": 2, "chat_id_list": [chat], "state": "s"}
    config = {"config_id": world.wecom("externalcontact/groupchat/add_join_way", way)["config_id"]}
    shown = world.wecom("externalcontact/groupchat/get_join_way", config)["join_way"]
    assert shown["chat_id_list"] == [chat] and shown["qr_code"]
    assert world.wecom("externalcontact/groupchat/del_join_way", config)["errcode"] == 0
    assert world.wecom("externalcontact/groupchat/get_join_way", config)["errcode"] == 41039
