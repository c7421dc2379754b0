"""The corp tag library: adding, reuse, order, deletion, ownership."""

import pytest

from tests.sandbox.conftest import CORP, World


def add(world: World, **body: object) -> dict:
    return world.wecom("externalcontact/add_corp_tag", body)


def groups(world: World, **body: object) -> list[dict]:
    return world.wecom("externalcontact/get_corp_tag_list", body)["tag_group"]


def test_console_tags_are_there_larger_order_first(world: World) -> None:
    (group,) = groups(world)
    assert group["group_name"] == "客户等级" and "deleted" not in group
    assert [tag["name"] for tag in group["tag"]] == ["重要客户", "普通客户"]
    assert "deleted" not in group["tag"][0] and group["tag"][0]["order"] > group["tag"][1]["order"]


def test_add_makes_a_group_and_collapses_duplicates(world: World) -> None:
    made = add(world, group_name="城市", order=5, tag=[{"name": "杭州", "order": 3}, {"name": "杭州"}])
    assert made["errcode"] == 0 and isinstance(made["tag_group"], dict)
    assert [tag["name"] for tag in made["tag_group"]["tag"]] == ["杭州"]
    assert made["tag_group"]["group_id"].startswith("et") and made["tag_group"]["order"] == 5
    more = add(world, group_name="城市", tag=[{"name": "上海"}])
    assert more["tag_group"]["group_id"] == made["tag_group"]["group_id"]
    by_id = add(world, group_id=made["tag_group"]["group_id"], tag=[{"name": "北京"}])
    assert by_id["tag_group"]["group_name"] == "城市"
    # The console's group has order 10 and stays in front.
    assert [group["group_name"] for group in groups(world)] == ["客户等级", "城市"]


def test_duplicate_name_is_a_switch(world: World) -> None:
    first = add(world, group_name="城市", tag=[{"name": "杭州"}])["tag_group"]["tag"][0]["id"]
    refused = add(world, group_name="城市", tag=[{"name": "杭州"}, {"name": "上海"}])
    assert refused["errcode"] == 40071 and len(groups(world)[1]["tag"]) == 1
    world.switches({"wecom.duplicate_tag_code": "reuse"})
    again = add(world, group_name="城市", tag=[{"name": "杭州"}, {"name": "上海"}])
    assert [tag["name"] for tag in again["tag_group"]["tag"]] == ["杭州", "上海"]
    assert again["tag_group"]["tag"][0]["id"] == first


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"group_name": "城市"}, 40058),
        ({"group_name": "城市", "tag": []}, 40058),
        ({"group_name": "城" * 31, "tag": [{"name": "a"}]}, 40072),
        ({"group_name": "城市", "tag": [{"name": "a" * 31}]}, 40072),
        ({"group_name": "城市", "tag": [{"name": ""}]}, 40072),
        ({"group_id": "", "group_name": "城市", "tag": [{"name": "a"}]}, 40058),
        ({"group_id": "etNothing", "tag": [{"name": "a"}]}, 40068),
    ],
)
def test_refused_additions(world: World, body: dict, code: int) -> None:
    answer = add(world, **body)
    assert answer["errcode"] == code and answer["tag_group"] == {}
    assert len(groups(world)) == 1


def test_library_full(world: World) -> None:
    world.switches({"wecom.library_limit": 3})
    assert add(world, group_name="城市", tag=[{"name": "a"}, {"name": "b"}])["errcode"] == 40126
    assert add(world, group_name="城市", tag=[{"name": "a"}])["errcode"] == 0


def test_deleted_is_seen_by_id_only_and_empty_groups_vanish(world: World) -> None:
    made = add(world, group_name="城市", tag=[{"name": "杭州"}, {"name": "上海"}])["tag_group"]
    first, second = (tag["id"] for tag in made["tag"])
    assert world.wecom("externalcontact/del_corp_tag", {"tag_id": [first]})["errcode"] == 0
    assert [tag["id"] for tag in groups(world)[1]["tag"]] == [second]
    (by_tag,) = groups(world, tag_id=[first])
    assert by_tag["deleted"] is False and [tag["deleted"] for tag in by_tag["tag"]] == [True]
    (by_group,) = groups(world, group_id=[made["group_id"]], tag_id=["ignored"])
    assert "deleted" not in by_group and {t["id"]: t["deleted"] for t in by_group["tag"]} == {
        first: True,
        second: False,
    }
    world.wecom("externalcontact/del_corp_tag", {"tag_id": [second]})
    assert [group["group_name"] for group in groups(world)] == ["客户等级"]
    assert groups(world, tag_id=[second])[0]["deleted"] is True
    # The name is free again and makes a new group.
    assert add(world, group_name="城市", tag=[{"name": "杭州"}])["tag_group"]["group_id"] != made["group_id"]


def test_only_the_creator_may_edit_and_delete(world: World) -> None:
    foreign = groups(world)[0]
    tag = foreign["tag"][0]["id"]
    edit = lambda **b: world.wecom("externalcontact/edit_corp_tag", b)["errcode"]  # noqa: E731
    assert edit(id=tag, name="新") == 81011
    assert edit(id=foreign["group_id"], name="新") == 81011
    assert world.wecom("externalcontact/del_corp_tag", {"tag_id": [tag]})["errcode"] == 81011
    world.switches({"wecom.foreign_tag_edit_code": 40068})
    assert edit(id=tag, name="新") == 40068
    assert groups(world)[0]["tag"][0]["name"] == "重要客户"
    own = add(world, group_name="城市", tag=[{"name": "杭州"}, {"name": "上海"}])["tag_group"]
    assert edit(id=own["tag"][0]["id"], name="宁波", order=9) == 0
    assert edit(id=own["tag"][1]["id"], name="宁波") == 40071
    assert edit(id="etNothing", name="x") == 40068
    assert [t["name"] for t in groups(world)[1]["tag"]] == ["宁波", "上海"]
    assert world.wecom("externalcontact/del_corp_tag", {})["errcode"] == 40058


def test_a_mixed_deletion_is_refused_as_a_whole(world: World) -> None:
    foreign = groups(world)[0]["tag"][0]["id"]
    own = add(world, group_name="城市", tag=[{"name": "杭州"}])["tag_group"]
    ids = [own["tag"][0]["id"], foreign]
    assert world.wecom("externalcontact/del_corp_tag", {"tag_id": ids})["errcode"] == 81011
    assert len(groups(world)) == 2


def test_library_of_the_control_side(world: World) -> None:
    add(world, group_name="城市", tag=[{"name": "杭州"}])
    shown = world.control("GET", f"library/{CORP}")["groups"]
    assert [(g["name"], g["creator"]) for g in shown] == [("客户等级", "console"), ("城市", 1000002)]
