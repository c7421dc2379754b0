"""mark_tag: the delta on one edge, refusals as a whole, overlaps."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.sandbox.conftest import CORP, World


@pytest.fixture
def tags(world: World) -> dict[str, str]:
    body = {"group_name": "城市", "tag": [{"name": n} for n in ("杭州", "上海", "北京")]}
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.act("add_friend", person="lin", userid="ChenYu")
    made = world.wecom("externalcontact/add_corp_tag", body)
    return {tag["name"]: tag["id"] for tag in made["tag_group"]["tag"]}


def mark(world: World, userid: str = "ZhaoMin", person: str = "lin", **lists: list[str]) -> dict:
    body = {"userid": userid, "external_userid": world.external(person), **lists}
    return world.wecom("externalcontact/mark_tag", body)


def shown(world: World, userid: str = "ZhaoMin") -> list[str]:
    (customer,) = world.control("GET", f"view/{CORP}/{userid}")["customers"]
    return [tag["name"] for tag in customer["tags"]]


def test_marks_belong_to_the_edge_and_change_by_delta(world: World, tags: dict[str, str]) -> None:
    assert mark(world, add_tag=[tags["杭州"], tags["上海"]]) == {"errcode": 0, "errmsg": "ok"}
    assert mark(world, add_tag=[tags["北京"]], remove_tag=[tags["杭州"]])["errcode"] == 0
    assert shown(world) == ["上海", "北京"] and shown(world, "ChenYu") == []
    # Adding a present one and removing an absent one is fine.
    assert mark(world, add_tag=[tags["北京"]], remove_tag=[tags["杭州"]])["errcode"] == 0
    world.switches({"wecom.mark_present_code": 40068})
    assert mark(world, add_tag=[tags["北京"]])["errcode"] == 40068


def test_member_ids_ignore_case(world: World, tags: dict[str, str]) -> None:
    assert mark(world, userid="zhaomin", add_tag=[tags["杭州"]])["errcode"] == 0
    assert shown(world) == ["杭州"]


def test_a_bad_id_is_named_and_nothing_is_done(world: World, tags: dict[str, str]) -> None:
    answer = mark(world, add_tag=[tags["杭州"], "etBad1", "etBad2"])
    assert answer["errcode"] == 40068 and answer["errmsg"].startswith("invalid tagid: etBad1, hint: [")
    assert shown(world) == []
    world.switches({"wecom.bad_tags_listed": "all"})
    assert mark(world, add_tag=["etBad1", "etBad2"])["errmsg"].startswith("invalid tagid: etBad1,etBad2")
    world.wecom("externalcontact/del_corp_tag", {"tag_id": [tags["上海"]]})
    assert tags["上海"] in mark(world, add_tag=[tags["上海"]])["errmsg"]


def test_refusals(world: World, tags: dict[str, str]) -> None:
    one = [tags["杭州"]]
    assert mark(world)["errcode"] == 40058
    assert mark(world, add_tag=[], remove_tag=[])["errcode"] == 40058
    assert mark(world, person="wang", add_tag=one)["errcode"] == 84061
    assert mark(world, userid="Nobody", add_tag=one)["errcode"] == 60111
    world.switches({"wecom.unknown_userid_code": 40003})
    assert mark(world, userid="Nobody", add_tag=one)["errcode"] == 40003
    body = {"userid": "ZhaoMin", "external_userid": "wmNobody", "add_tag": one}
    assert world.wecom("externalcontact/mark_tag", body)["errcode"] == 40096
    world.control("PUT", f"accounts/{CORP}/settings", {"visible": ["ChenYu"]})
    assert mark(world, add_tag=one)["errcode"] == 60011


def test_no_callback_for_marks_by_interface(world: World, tags: dict[str, str]) -> None:
    before = len(world.idle())
    mark(world, add_tag=[tags["杭州"]])
    world.wecom("externalcontact/edit_corp_tag", {"id": tags["杭州"], "name": "宁波"})
    body = {"userid": "ZhaoMin", "external_userid": world.external("lin"), "remark": "x"}
    assert world.wecom("externalcontact/remark", body)["errcode"] == 0
    assert len(world.idle()) == before


def test_marks_of_deleted_tags_vanish_or_stay(world: World, tags: dict[str, str]) -> None:
    mark(world, add_tag=[tags["杭州"], tags["上海"]])
    world.wecom("externalcontact/del_corp_tag", {"tag_id": [tags["杭州"]]})
    get = lambda: world.wecom("externalcontact/get", external_userid=world.external("lin"))  # noqa: E731
    assert [t["tag_name"] for t in get()["follow_user"][0]["tags"]] == ["上海"]
    world.switches({"wecom.marks_of_deleted_tags": "stay"})
    assert [t["tag_name"] for t in get()["follow_user"][0]["tags"]] == ["杭州", "上海"]


def together(world: World, bodies: list[tuple[str, dict]]) -> list[int]:
    """Calls at the same moment; each is slow enough to overlap the others."""
    token, start = world.token(CORP), threading.Barrier(len(bodies))

    def one(call: tuple[str, dict]) -> int:
        start.wait()
        path = f"wecom-api/cgi-bin/externalcontact/{call[0]}"
        return world.raw(path, "POST", params={"access_token": token}, json=call[1]).json()["errcode"]

    with ThreadPoolExecutor(len(bodies)) as pool:
        return sorted(pool.map(one, bodies))


def test_two_edits_of_one_contact_at_once_overlap(world: World, tags: dict[str, str]) -> None:
    world.faults({"platform": "wecom", "what": "latency", "ms": 250})
    pair = {"external_userid": world.external("lin"), "add_tag": [tags["杭州"]]}
    marks = [("mark_tag", {**pair, "userid": "ZhaoMin"}), ("mark_tag", {**pair, "userid": "ChenYu"})]
    assert together(world, marks) == [0, 45033]
    remark = {"userid": "ChenYu", "external_userid": world.external("lin"), "remark": "x"}
    assert together(world, [marks[0], ("remark", remark)]) == [0, 45033]
    world.switches({"wecom.same_contact_overlap_code": 0})
    assert together(world, marks) == [0, 0]
    calls = world.control("GET", "calls?api=externalcontact/mark_tag")
    assert calls["max_parallel"]["externalcontact/mark_tag"] == 2


def test_more_calls_in_flight_than_the_bound(world: World, tags: dict[str, str]) -> None:
    world.switches({"wecom.max_parallel": 2})
    world.faults({"platform": "wecom", "what": "latency", "ms": 250})
    assert together(world, [("get_corp_tag_list", {})] * 4) == [0, 0, 45033, 45033]
