"""Computing: tags come, stay, change and go; families make and retire tags; nobody is lost or doubled."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.tags.world import DAY, MINI, NOON, World, world
from wxtag.app import core
from wxtag.companies import make_company
from wxtag.database import reading, writing
from wxtag.errors import WxtagError
from wxtag.models import Customer, CustomerTag, History, Identity, Tag
from wxtag.tags.engine import compute, compute_all

ACTIVE = {"kind": "activity", "windows": [{"days": 7, "at_least": 2}]}


@pytest.fixture
def here(company: Any) -> World:
    return world(company)


def rows(customer_id: int) -> list[Any]:
    columns = (
        CustomerTag.tag_id,
        CustomerTag.value,
        CustomerTag.text,
        CustomerTag.since,
        CustomerTag.rule_version_id,
    )
    with reading() as session:
        return list(session.execute(select(*columns).where(CustomerTag.customer_id == customer_id)))


def history(customer_id: int) -> list[tuple[str, str]]:
    with reading() as session:
        lines = session.scalars(
            select(History).where(History.customer_id == customer_id).order_by(History.id)
        )
        return [(line.verb, line.text) for line in lines]


def test_a_tag_comes_stays_and_goes(here: World) -> None:
    """`since` stays while the tag holds, the text follows the numbers, and the history has both ends."""
    with writing() as session:
        tag_id = here.tag(session, here.group(session), "活跃", ACTIVE)
        lin = here.customer(session)
        openid = here.identity(session, lin)
        here.event(session, openid, at=NOON)
        first = compute(session, here.company_id, [lin], NOON)
    assert (first.changed, rows(lin)) == (set(), [])
    with writing() as session:
        here.event(session, openid, at=NOON)
        second = compute(session, here.company_id, [lin], NOON)
    assert (second.changed, second.given, second.taken) == ({lin}, 1, 0)
    (row,) = rows(lin)
    since = row.since
    assert (row.tag_id, row.value, row.text) == (tag_id, 2, "近7天互动 2 次（≥ 2）")
    with writing() as session:
        here.event(session, openid, at=NOON)
        third = compute(session, here.company_id, [lin], NOON)
    assert (third.changed, third.given, third.taken) == ({lin}, 0, 0)
    assert [(row.since, row.value) for row in rows(lin)] == [(since, 3)]
    with writing() as session:
        again = compute(session, here.company_id, [lin], NOON)
    assert again.changed == set()
    with writing() as session:
        week_later = compute(session, here.company_id, [lin], NOON + 7 * DAY)
    assert (week_later.changed, week_later.taken, rows(lin)) == ({lin}, 1, [])
    assert history(lin) == [
        ("tagged", "活跃：近7天互动 2 次（≥ 2）"),
        ("untagged", "活跃：不再符合规则"),
    ]


def test_a_new_version_of_a_rule_counts(here: World) -> None:
    with writing() as session:
        tag_id = here.tag(session, here.group(session), "活跃", ACTIVE)
        lin = here.customer(session)
        openid = here.identity(session, lin)
        for _ in range(3):
            here.event(session, openid)
        compute(session, here.company_id, [lin], NOON)
    before = rows(lin)[0]
    with writing() as session:
        here.version(session, {"kind": "activity", "windows": [{"days": 7, "at_least": 3}]}, tag_id=tag_id)
        same = compute(session, here.company_id, [lin], NOON)
    after = rows(lin)[0]
    assert same.changed == set()
    assert after.text == "近7天互动 3 次（≥ 3）"
    assert (after.since, after.rule_version_id) == (before.since, before.rule_version_id + 1)
    with writing() as session:
        here.version(session, None, tag_id=tag_id)  # the rule was taken away: the tag is by hand now
        assert compute(session, here.company_id, [lin], NOON).taken == 1


def test_a_retired_tag_goes(here: World) -> None:
    with writing() as session:
        tag_id = here.tag(session, here.group(session), "活跃", {"not": ACTIVE})
        lin = here.customer(session)
        compute(session, here.company_id, [lin], NOON)
        session.get_one(Tag, tag_id).retired_at = NOON
        assert compute(session, here.company_id, [lin], NOON).taken == 1


def test_trees_of_all_any_not(here: World) -> None:
    never = {"kind": "activity", "windows": [{"days": 7, "at_least": 99}]}
    fan = {"kind": "connectable", "identities": ["official_account"]}
    rules = {
        "且": {"all": [ACTIVE, fan]},
        "且不": {"all": [ACTIVE, {"not": never}]},
        "或": {"any": [never, fan]},
        "非或": {"not": {"any": [never, {"not": fan}]}},
        "没有": {"all": [ACTIVE, never]},
    }
    with writing() as session:
        group = here.group(session)
        for name, rule in rules.items():
            here.tag(session, group, name, rule)
        lin, wang = here.customer(session), here.customer(session)
        openid = here.identity(session, lin)
        here.identity(session, wang, "openid", MINI)
        for _ in range(2):
            here.event(session, openid)
        compute(session, here.company_id, [lin, wang], NOON)
    assert here.shown(lin) == {
        "且": (None, "近7天互动 2 次（≥ 2）；已连接公众号"),
        "且不": (None, "近7天互动 2 次（≥ 2）；并非近7天互动 ≥ 99 次"),
        "或": (None, "已连接公众号"),
        "非或": (None, "并非（近7天互动 ≥ 99 次或并非已连接公众号）"),
    }
    assert here.shown(wang) == {}


def test_who_merged_away_loses_everything_and_who_is_gone_is_skipped(here: World) -> None:
    with writing() as session:
        group = here.group(session)
        here.tag(session, group, "活跃", ACTIVE)
        here.tag(session, group, "没有手机号", {"not": {"kind": "connectable", "identities": ["phone"]}})
        lin, other = here.customer(session), here.customer(session)
        one, two = here.identity(session, lin), here.identity(session, other, "openid", MINI)
        for identity_id in (one, two, two):
            here.event(session, identity_id)
        compute(session, here.company_id, [lin, other], NOON)
    assert (list(here.shown(lin)), list(here.shown(other))) == (["没有手机号"], ["活跃", "没有手机号"])
    with writing() as session:
        session.get_one(Identity, two).customer_id = lin
        session.get_one(Customer, other).merged_into = lin
        done = compute(session, here.company_id, [other, lin, 987_654_321], NOON)
    assert done.changed == {lin, other}
    assert here.shown(lin)["活跃"] == (3, "近7天互动 3 次（≥ 2）")
    assert here.shown(other) == {}
    assert compute_all(here.company_id, NOON).changed == set()


def test_a_family_makes_tags_up_to_its_cap_and_counts_what_has_no_room(here: World) -> None:
    with writing() as session:
        group = here.group(session, "地区", family={"kind": "location"}, cap=2)
        people = [here.customer(session) for _ in range(4)]
        places = ("330100", "310000", "440100", "440100")
        for customer_id, place in zip(people, places, strict=True):
            here.event(session, here.identity(session, customer_id), "located", place=place)
        done = compute(session, here.company_id, people, NOON)
        tags = {t.name: t.family_key for t in session.scalars(select(Tag).where(Tag.group_id == group.id))}
    assert (done.tags_made, done.over_cap) == (2, 1)
    assert tags == {"广东·广州": "440100", "上海": "310000"}  # most customers first, then by key
    assert here.shown(people[0]) == {}


def test_a_family_tag_that_nobody_has_is_retired_at_night_and_comes_back(here: World) -> None:
    with writing() as session:
        here.group(session, "地区", family={"kind": "location"})
        lin = here.customer(session)
        openid = here.identity(session, lin)
        here.event(session, openid, "located", NOON, place="330100")
        compute(session, here.company_id, [lin], NOON)
        hangzhou = session.scalars(select(Tag.id).where(Tag.family_key == "330100")).one()
        here.event(session, openid, "located", NOON + 1, place="310000")
        compute(session, here.company_id, [lin], NOON + 1)
    assert list(here.shown(lin)) == ["上海"]
    compute_all(here.company_id, NOON + 1)
    with writing() as session:
        assert session.get_one(Tag, hangzhou).retired_at is not None
        here.event(session, openid, "located", NOON + 2, place="330100")
        back = compute(session, here.company_id, [lin], NOON + 2)
        assert back.tags_made == 1
        assert session.get_one(Tag, hangzhou).retired_at is None
    assert list(here.shown(lin)) == ["浙江·杭州"]


def test_a_family_taken_from_its_group_takes_its_tags_along(here: World) -> None:
    with writing() as session:
        group = here.group(session, "地区", family={"kind": "location"})
        lin = here.customer(session)
        here.event(session, here.identity(session, lin), "located", place="330100")
        compute(session, here.company_id, [lin], NOON)
        here.version(session, None, group_id=group.id)
        assert compute(session, here.company_id, [lin], NOON).taken == 1
    compute_all(here.company_id, NOON)
    with reading() as session:
        assert session.scalars(select(Tag).where(Tag.retired_at.is_(None))).all() == []


def test_companies_never_see_each_other(here: World) -> None:
    with writing() as session:
        other = make_company(session, core().sealer, "别家")
        there = World(other.id)
        here.tag(session, here.group(session), "活跃", {"not": ACTIVE})
        lin, stranger = here.customer(session), there.customer(session)
        done = compute(session, here.company_id, [lin, stranger], NOON)
    assert (done.changed, here.shown(stranger)) == ({lin}, {})
    assert compute_all(here.company_id, NOON).changed == set()
    assert compute_all(there.company_id, NOON).changed == set()


def test_a_rule_that_nobody_can_read_says_whose_it_is(here: World) -> None:
    with writing() as session:
        here.tag(session, here.group(session), "未来", {"kind": "telepathy"})
        lin = here.customer(session)
    with pytest.raises(WxtagError, match="未来"), writing() as session:
        compute(session, here.company_id, [lin], NOON)


def test_everyone_in_chunks_and_again_after_a_stop(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle, what was settled stays; the next run does the rest and nothing twice."""
    monkeypatch.setattr("wxtag.tags.engine.CHUNK", 4)
    with writing() as session:
        here.tag(session, here.group(session), "安静", {"not": ACTIVE})
        people = [here.customer(session) for _ in range(10)]
    seen: list[tuple[int, int]] = []
    settled: list[set[int]] = []

    def stop(done: int, of: int) -> None:
        seen.append((done, of))
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_all(here.company_id, NOON, stop, lambda _session, changed: settled.append(changed))
    assert seen == [(4, 10), (8, 10)]
    assert settled == [set(people[:4]), set(people[4:8])]
    rest = compute_all(here.company_id, NOON, lambda done, of: seen.append((done, of)))
    assert (rest.changed, rest.given, seen[2:]) == (set(people[8:]), 2, [(2, 2)])
    assert compute_all(here.company_id, NOON).changed == set()


def test_what_settles_a_chunk_is_in_its_transaction(here: World) -> None:
    with writing() as session:
        here.tag(session, here.group(session), "安静", {"not": ACTIVE})
        lin = here.customer(session)

    def fail(_session: Any, _changed: set[int]) -> None:
        raise RuntimeError("no push could be noted")

    with pytest.raises(RuntimeError):
        compute_all(here.company_id, NOON, settle=fail)
    assert here.shown(lin) == {}


def test_a_run_for_now_does_not_take_back_what_came_meanwhile(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lin's event is later than the run's moment, and earlier than the writing of her chunk."""
    with writing() as session:
        group = here.group(session)
        here.tag(session, group, "活跃", ACTIVE)
        here.tag(session, group, "安静", {"not": {"kind": "activity", "windows": [{"at_least": 1}]}})
        lin = here.customer(session)
        openid = here.identity(session, lin)
        for _ in range(2):
            here.event(session, openid, at=NOON + 1000)
        compute(session, here.company_id, [lin], NOON + 2000)
    monkeypatch.setattr("wxtag.clock.now", lambda: NOON + 3000)
    assert compute_all(here.company_id, NOON).changed == set()
    assert list(here.shown(lin)) == ["活跃"]
    monkeypatch.setattr("wxtag.clock.now", lambda: NOON + DAY)
    compute_all(here.company_id, NOON)  # asked for a moment of yesterday: as it was then
    assert list(here.shown(lin)) == ["安静"]
