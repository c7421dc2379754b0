"""A world of many: made at once, listed by pages that cost their own length."""

import time

from tests.sandbox.conftest import CORP, OA, World

BATCH = "externalcontact/batch/get_by_user"


def test_many_customers_and_fans_in_one_call(world: World) -> None:
    made = world.act(
        "populate", customers=2000, staff=7, followers=2, unionid_percent=80, tag_percent=25, tags_each=2,
        fans=1000, overlap_percent=40, prefix="v", seed=3,
    )  # fmt: skip
    assert made["relations"] == 4000 and made["fans"] == 1000 and made["both"] == 400
    page = world.control("GET", "oracle/relations?limit=100000")
    tagged = [row for row in page["relations"] if row["tags"]]
    assert page["total"] == 4000 and 850 <= len(tagged) <= 1150 and all(len(r["tags"]) == 2 for r in tagged)
    staff = world.wecom("externalcontact/get_follow_user_list")["follow_user"]
    own = [userid for userid in staff if userid.startswith("v-staff-")]
    assert len(own) == 7
    rows, cursor = [], ""
    while True:
        found = world.wecom(BATCH, {"userid_list": own, "limit": 100, "cursor": cursor})
        rows += found["external_contact_list"]
        cursor = found["next_cursor"]
        if not cursor:
            break
    assert len(rows) == 4000
    pairs = {(r["follow_info"]["userid"], r["external_contact"]["external_userid"]) for r in rows}
    assert len(pairs) == 4000
    known = {r["external_contact"]["external_userid"] for r in rows if "unionid" in r["external_contact"]}
    assert 1520 <= len(known) <= 1680
    someone = world.control("GET", "people?prefix=v-0&limit=1")["people"][0]
    info = world.wechat("cgi-bin/user/info", openid=someone["openids"][OA])
    assert info["subscribe"] == 1 and info["unionid"] == someone["unionids"]["sandbox-open"]
    fans = world.wechat("cgi-bin/user/get")
    assert fans["total"] == 1000 and fans["count"] == 1000
    assert len(world.control("GET", f"view/{CORP}/v-staff-0000?limit=5")["customers"]) == 5


def test_one_of_many_acts_like_anybody(world: World) -> None:
    world.act("populate", customers=10, staff=["ZhaoMin"], prefix="v")
    assert world.act("follow", person="v-0000003")["deliveries"]
    openid = world.openid("v-0000003")
    assert world.wechat("cgi-bin/user/info", openid=openid)["subscribe"] == 1
    world.act("edit_contact", person="v-0000003", userid="ZhaoMin", remark="x", add_personal=["老"])
    row = world.control("GET", "oracle/relations?person=v-0000003")["relations"][0]
    assert row["remark"] == "x" and row["personal"] == ["老"]
    other = world.control("GET", "oracle/relations?person=v-0000004")["relations"][0]
    assert other["personal"] == [] and other["tags"] == []


def test_a_page_costs_its_own_length(world: World) -> None:
    """The last pages of a long list take no longer than the first ones of a short list, roughly."""
    world.act("populate", customers=8_000, staff=1, prefix="v")
    body = {"userid_list": ["v-staff-0000"], "limit": 100}
    cursor = world.wecom(BATCH, body)["next_cursor"]
    spent = []
    for _ in range(20):
        began = time.perf_counter()
        found = world.wecom(BATCH, {**body, "cursor": cursor})
        spent.append(time.perf_counter() - began)
        cursor = found["next_cursor"]
        assert len(found["external_contact_list"]) == 100
    # A walk through 8,000 rows for each page takes far longer than shaping a hundred of them.
    assert min(spent) < 0.05
