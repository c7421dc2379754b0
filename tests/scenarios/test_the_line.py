"""From a platform's callback to a corp tag that staff see: the promise of the README, through real HTTP."""

import pytest

from tests.scenarios.product import CHEN, CORP, MP, OA, ZHAO, Product

HANGZHOU, SHANGHAI = "地区/浙江·杭州", "地区/上海"


@pytest.fixture
def someone(product: Product, request: pytest.FixtureRequest) -> str:
    """A person whom no other test knows."""
    return product.control("POST", "people", {"name": f"客户{abs(hash(request.node.name)) % 10_000}"})["id"]


def test_a_customer_of_three_surfaces_gets_the_tag_on_the_one_customer(product: Product) -> None:
    product.act("follow", scene="store-017")
    product.act("report_location", city="杭州")
    product.act("mini_login")
    product.act("add_friend", userid=ZHAO, state="poster-042")
    product.wait(lambda: product.sees(HANGZHOU), 30, "浙江·杭州 on Lin in Zhao's WeCom")

    lin = product.person()
    one = product.customer_of("openid", OA, lin["openids"][OA])
    ids = {(i["kind"], i["value"]) for i in one["identities"]}
    assert {("openid", lin["openids"][OA]), ("openid", lin["openids"][MP])} <= ids
    assert ("external_userid", lin["external_userids"][CORP]) in ids
    assert [(f["userid"], f["state"], f["status"]) for f in one["follow_users"]] == [
        (ZHAO, "poster-042", "active")
    ]
    (tag,) = [tag for tag in one["tags"] if tag["path"] == ["地区"]]
    assert tag["name"] == "浙江·杭州"
    assert "杭州" in tag["reasons"][0]["text"]

    def pushed() -> list[tuple[str, str]]:
        (now,) = [t for t in product.api("GET", f"customers/{one['id']}")["tags"] if t["id"] == tag["id"]]
        return [(p["userid"], p["state"]) for p in now["push"]]

    # Written down a moment after it is seen: what ends together is written together.
    product.wait(lambda: pushed() == [(ZHAO, "done")], 10, "the push to be done")


def test_the_order_of_events_does_not_matter(product: Product, someone: str) -> None:
    product.act("add_friend", someone, userid=ZHAO)
    product.act("mini_login", someone)
    product.act("follow", someone)
    product.act("report_location", someone, city="上海")
    product.wait(lambda: product.sees(SHANGHAI, someone), 15, "上海")


def test_a_tag_that_no_longer_holds_goes(product: Product, someone: str) -> None:
    product.act("follow", someone)
    product.act("report_location", someone, city="杭州")
    product.act("add_friend", someone, userid=ZHAO)
    product.wait(lambda: product.sees(HANGZHOU, someone), 15, HANGZHOU)
    product.act("report_location", someone, city="上海")
    product.wait(lambda: product.sees(SHANGHAI, someone), 15, SHANGHAI)
    assert not product.sees(HANGZHOU, someone)


def test_each_member_of_staff_has_the_tags_on_their_own_relation(product: Product, someone: str) -> None:
    product.act("follow", someone)
    product.act("report_location", someone, city="杭州")
    product.act("add_friend", someone, userid=ZHAO)
    product.act("add_friend", someone, userid=CHEN)
    for userid in (ZHAO, CHEN):
        product.wait(lambda who=userid: product.sees(HANGZHOU, someone, who), 15, f"{HANGZHOU} for {userid}")


def test_what_staff_take_off_stays_off(product: Product, someone: str) -> None:
    product.act("follow", someone)
    product.act("report_location", someone, city="杭州")
    product.act("add_friend", someone, userid=ZHAO)
    product.wait(lambda: product.sees(HANGZHOU, someone), 15, HANGZHOU)
    product.quiet()
    product.act("edit_contact", someone, userid=ZHAO, remove_tags=[tag_id(product, "地区", "浙江·杭州")])
    product.quiet()
    product.act("send_text", someone, text="在吗")
    product.quiet()
    assert not product.sees(HANGZHOU, someone)
    openid = product.person(someone)["openids"][OA]
    history = product.api("GET", f"customers/{product.customer_of('openid', OA, openid)['id']}/history")
    assert any(line["verb"] == "vetoed" for line in history["items"]), history


def test_what_staff_put_on_by_hand_is_theirs_and_stays(product: Product, someone: str) -> None:
    product.act("follow", someone)
    product.act("add_friend", someone, userid=ZHAO)
    product.quiet()
    important, hangzhou = tag_id(product, "客户等级", "重要客户"), hangzhou_tag(product)
    product.act("edit_contact", someone, userid=ZHAO, add_tags=[important, hangzhou])
    product.quiet()
    product.act("report_location", someone, city="上海")
    product.wait(lambda: product.sees(SHANGHAI, someone), 15, SHANGHAI)
    product.quiet()
    assert {"客户等级/重要客户", HANGZHOU, SHANGHAI} <= set(product.seen()[someone])


def test_tags_that_were_there_before_us_are_never_taken_away(product: Product, someone: str) -> None:
    hangzhou = hangzhou_tag(product)
    product.control("PUT", "faults", {"faults": [{"platform": "callbacks", "what": "discard", "rate": 1}]})
    try:
        product.act("add_friend", someone, userid=ZHAO)
        product.act("edit_contact", someone, userid=ZHAO, add_tags=[hangzhou])
    finally:
        product.control("PUT", "faults", {"faults": []})
    product.act("follow", someone)
    product.act("report_location", someone, city="杭州")
    product.act("edit_contact", someone, userid=ZHAO, remark="老客户")
    product.quiet()
    product.act("report_location", someone, city="上海")
    product.wait(lambda: product.sees(SHANGHAI, someone), 15, SHANGHAI)
    assert product.sees(HANGZHOU, someone)


def test_nothing_is_sent_when_nothing_changed(product: Product, someone: str) -> None:
    product.act("follow", someone)
    product.act("report_location", someone, city="杭州")
    product.act("add_friend", someone, userid=ZHAO)
    product.wait(lambda: product.sees(HANGZHOU, someone), 15, HANGZHOU)
    product.quiet()
    before = len(product.calls("externalcontact/mark_tag"))
    for _ in range(3):
        product.act("report_location", someone, city="杭州")
    product.control("POST", "act/resend", {"n": 5})
    product.quiet()
    assert len(product.calls("externalcontact/mark_tag")) == before


def test_deliveries_again_have_no_second_effect(product: Product, someone: str) -> None:
    product.act("follow", someone, scene="store-017")
    product.control("POST", "act/resend", {"n": 1})
    product.control("POST", "act/resend", {"n": 1})
    product.quiet()
    openid = product.person(someone)["openids"][OA]
    one = product.customer_of("openid", OA, openid)
    events = product.api("GET", f"customers/{one['id']}/events")["items"]
    assert [event["kind"] for event in events] == ["followed"]
    touched = [tag for tag in one["tags"] if tag["path"] == ["接触渠道"]]
    assert [(tag["name"], tag["value"]) for tag in touched] == [("杭州门店", 1)]


def test_a_mark_by_hand_through_the_api_reaches_wecom_and_leaves_it_again(
    product: Product, someone: str
) -> None:
    product.act("follow", someone)
    product.act("add_friend", someone, userid=ZHAO)
    product.quiet()
    one = product.customer_of("openid", OA, product.person(someone)["openids"][OA])
    tags = product.api("GET", "tags")["items"]
    high = next(tag for tag in tags if tag["name"] == "高意向")
    product.api("PUT", f"customers/{one['id']}/tags/{high['id']}", {})
    product.wait(lambda: product.sees("客户意向/高意向", someone), 15, "高意向")
    product.api("DELETE", f"customers/{one['id']}/tags/{high['id']}")
    product.wait(lambda: not product.sees("客户意向/高意向", someone), 15, "高意向 gone")


def hangzhou_tag(product: Product) -> str:
    """The id of 浙江·杭州 in the corp's library, where the first customer in Hangzhou puts it."""
    first = product.control("POST", "people", {"name": "杭州人"})["id"]
    product.act("follow", first)
    product.act("report_location", first, city="杭州")
    product.act("add_friend", first, userid=ZHAO)
    product.wait(lambda: product.sees(HANGZHOU, first), 20, HANGZHOU)
    return tag_id(product, "地区", "浙江·杭州")


def tag_id(product: Product, group: str, name: str) -> str:
    """The id that WeCom gave a tag."""
    library = product.control("GET", f"library/{CORP}")
    groups = library.get("tag_group") or library.get("groups")
    for one in groups:
        if one.get("group_name", one.get("name")) == group:
            for tag in one.get("tag") or one["tags"]:
                if tag["name"] == name:
                    return tag["id"]
    raise AssertionError(f"{group}/{name} is not in the corp's library: {groups}")
