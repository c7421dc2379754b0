"""The truth for tests: tags, effective changes, peaks, counts, held callbacks, steady streams."""

import threading
import time
from typing import Any

import requests

from tests.sandbox.conftest import CORP, Product, World
from tests.sandbox.opening import between, connect, opened
from tests.sandbox.test_mark_tag import mark


def tags_of(world: World) -> list[str]:
    return [tag["id"] for tag in world.control("GET", f"library/{CORP}")["groups"][0]["tags"]]


def test_relations_with_their_tags_by_pages_and_filters(world: World) -> None:
    first, second = tags_of(world)
    for person in ("lin", "wang", "mei"):
        world.act("add_friend", person=person, userid="ZhaoMin")
    world.act("add_friend", person="lin", userid="ChenYu")
    mark(world, add_tag=[first, second])
    page = world.control("GET", "oracle/relations?limit=3")
    more = world.control("GET", f"oracle/relations?limit=3&cursor={page['next']}")
    rows = page["relations"] + more["relations"]
    assert page["total"] == 4 and more["next"] == "" and len(rows) == 4
    found = world.control("GET", "oracle/relations?tagged=1")["relations"]
    assert [(row["userid"], row["person"], row["tags"]) for row in found] == [
        ("ZhaoMin", "lin", sorted([first, second])),
    ]  # fmt: skip
    assert found[0]["names"] == ["客户等级/普通客户", "客户等级/重要客户"]
    assert abs(found[0]["changed_ms"] / 1000 - time.time()) < 30
    assert len(world.control("GET", "oracle/relations?person=lin")["relations"]) == 2
    assert len(world.control("GET", f"oracle/relations?userid=chenyu&tag_id={first}")["relations"]) == 0
    assert world.control("GET", f"oracle/person?id={world.openid('wang')}")["id"] == "wang"
    world.control("GET", "oracle/nothing", status=400)


def test_only_real_changes_count(world: World) -> None:
    tag = tags_of(world)[0]
    world.act("add_friend", person="lin", userid="ZhaoMin")
    for body in ({"add_tag": [tag]}, {"add_tag": [tag]}, {"remove_tag": [tag]}, {"remove_tag": [tag]}):
        assert mark(world, **body)["errcode"] == 0
    world.act("edit_contact", person="lin", userid="ZhaoMin", add_tags=[tag])
    world.act("edit_contact", person="lin", userid="ZhaoMin", add_tags=[tag])
    found = world.control("GET", "oracle/changes")
    assert found["changes"] == [{
        "userid": "zhaomin", "external_userid": world.external("lin"),
        "tag_id": tag, "name": "客户等级/重要客户",
        "put": 1, "taken": 1, "put_by_staff": 1, "taken_by_staff": 0,
    }]  # fmt: skip
    assert world.control("GET", "oracle/changes?min=4")["found"] == 0
    before = world.control("GET", "oracle/relations?person=lin")["relations"][0]["changed_ms"]
    mark(world, add_tag=[tag])
    assert world.control("GET", "oracle/relations?person=lin")["relations"][0]["changed_ms"] == before
    world.control("DELETE", "oracle/changes")
    assert world.control("GET", "oracle/changes")["changes"] == []


def test_peaks_and_counts_of_calls(world: World) -> None:
    tag = tags_of(world)[0]
    world.act("add_friend", person="lin", userid="ZhaoMin")
    token = world.token(CORP)
    world.switches({"wecom.latency_ms": 300})
    path = f"{world.url}/wecom-api/cgi-bin/externalcontact/mark_tag?access_token={token}"
    body = {"userid": "ZhaoMin", "external_userid": world.external("lin"), "add_tag": [tag]}
    world.control("DELETE", "calls")
    threads = [threading.Thread(target=requests.post, args=(path,), kwargs={"json": body}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = world.control("GET", "load")
    assert found["calls"]["wecom"]["externalcontact/mark_tag"]["codes"] == {"0": 1, "45033": 2}
    assert found["calls"]["wecom"]["externalcontact/mark_tag"]["count"] == 3
    peaks = found["max_parallel"]
    assert peaks["edits of a contact"]["above_one"][world.external("lin")] >= 2
    assert peaks["account"]["above_one"][CORP] == peaks["account"]["most"] >= 2
    assert peaks["account and interface"]["most"] >= 2


def _tags(account: dict[str, Any], product: Product) -> list[str]:
    return [between(opened(account, push), "UserID") for push in product.pushes()]


def test_callbacks_are_held_back_and_released_mixed_up(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    world.control("PUT", "deliveries/hold", {"on": True})
    for number in range(6):
        world.control("POST", "staff", {"userid": f"s{number}"})
        world.act("add_friend", person="lin", userid=f"s{number}")
    time.sleep(0.1)
    assert product.pushes() == [] and world.control("GET", "deliveries/counts")["held"] == 6
    world.control("PUT", "deliveries/hold", {"on": False})
    sent = world.control("POST", "deliveries/release", {"order": "reversed", "first": 3})
    assert sent == {"ok": True, "sent": 3, "held": 3}
    world.idle()
    assert _tags(account, product) == ["s2", "s1", "s0"]
    world.control("POST", "deliveries/release", {"order": "shuffled", "seed": 3, "copies": 2})
    world.idle()
    rest = product.pushes()[3:]
    assert sorted(_tags(account, product)[3:]) == ["s3", "s3", "s4", "s4", "s5", "s5"]
    assert _tags(account, product)[3:] != sorted(_tags(account, product)[3:])
    # Each one is sealed anew.
    assert len({push["query"]["msg_signature"] for push in rest}) == 6
    counts = world.control("GET", "deliveries/counts")
    assert counts["in_all"]["taken"] == 6 and counts["in_all"]["acknowledged"] == 9
    assert counts["by_event"]["change_external_contact.add_external_contact"]["tries"] == 9


def test_what_is_given_up_is_counted(world: World, product: Product) -> None:
    connect(world, product, CORP)
    world.switches({"callbacks.retry_spacing": [0.01], "callbacks.tries.wecom": 3})
    product.reply = lambda _: (500, "")
    world.act("add_friend", person="lin", userid="ZhaoMin")
    world.idle()
    counts = world.control("GET", "deliveries/counts")["by_account"][CORP]
    assert counts == {"taken": 1, "tries": 3, "failed_tries": 3, "given_up": 1}


def test_a_stream_keeps_its_rate(world: World, product: Product) -> None:
    account = connect(world, product, CORP)
    for person in ("lin", "wang"):
        world.act("add_friend", person=person, userid="ZhaoMin")
    world.idle()
    before = len(product.pushes())
    kinds = [{"act": "edit_contact", "follower": True, "body": {"remark": "备注 {n}"}}]
    asked = {"rate": 40, "seconds": 1, "kinds": kinds, "people": ["lin", "wang"], "seed": 5}
    began = time.monotonic()
    assert world.control("POST", "streams", asked)["stream"]["wanted"] == 40
    while world.control("GET", "streams")["streams"][0]["running"]:
        assert time.monotonic() - began < 10
        time.sleep(0.05)
    shown = world.control("GET", "streams")["streams"][0]
    assert shown["done"] == 40 and shown["refused"] == {} and shown["seconds"] >= 0.9
    world.idle()
    changes = [between(opened(account, push), "ChangeType") for push in product.pushes()[before:]]
    assert changes == ["edit_external_contact"] * 40
    world.control("POST", "streams", {"kinds": ["dance"]}, 400)


def test_a_stream_that_cannot_does_otherwise_and_can_be_stopped(world: World) -> None:
    kinds = [{"act": "follow", "otherwise": "unfollow"}, {"act": "unfollow", "weight": 0.001}]
    world.control(
        "POST", "streams", {"rate": 200, "count": 100_000, "kinds": kinds, "people": ["lin"], "seed": 1}
    )
    time.sleep(0.3)
    world.control("DELETE", "streams")
    time.sleep(0.05)
    shown = world.control("GET", "streams")["streams"][0]
    assert shown["running"] is False and shown["by_act"]["follow"] > 2 and shown["by_act"]["unfollow"] > 2
