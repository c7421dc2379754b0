"""By hand: marks, vetoes, their scopes, and what relations show in the end."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.tags.world import DAY, NOON, World, world
from wxtag import marks
from wxtag.app import core
from wxtag.companies import make_company
from wxtag.database import reading, writing
from wxtag.errors import InputError, NotFound
from wxtag.models import Customer, FollowUser, History, Identity, Mark, Tag, TagGroup
from wxtag.tags.effective import tags_of, wanted
from wxtag.tags.engine import compute

ACTIVE = {"kind": "activity", "windows": [{"days": 7, "at_least": 1}]}


class Shop:
    """Lin, who is a contact of Zhao and of Qian; one tag by rule, one by hand, one of a group not pushed."""

    def __init__(self, here: World) -> None:
        self.here = here
        with writing() as session:
            group = here.group(session, "活跃度")
            self.active = here.tag(session, group, "活跃", ACTIVE)
            intent = here.group(session, "意向")
            self.group_id = intent.id
            self.high = here.tag(session, intent, "高意向")
            self.secret = here.tag(session, here.group(session, "内部", push="off"), "同行")
            self.lin = here.customer(session)
            self.zhao = here.relation(session, self.lin, "zhao")
            self.qian = here.relation(session, self.lin, "qian")
            self.openid = here.identity(session, self.lin)

    def put(
        self, tag_id: int, at: int | None = None, source: str = "hand", actor: str = "赵敏"
    ) -> marks.Marked:
        with writing() as session:
            return marks.put(session, self.here.company_id, self.lin, tag_id, "赵敏", source, at)

    def take_off(self, tag_id: int, at: int | None = None) -> marks.Marked:
        with writing() as session:
            return marks.take_off(session, self.here.company_id, self.lin, tag_id, "钱进", "wecom", at)

    def acts(self, moment: int = NOON) -> None:
        with writing() as session:
            self.here.event(session, self.openid, at=moment)
        self.compute(moment)

    def compute(self, moment: int = NOON) -> None:
        with writing() as session:
            compute(session, self.here.company_id, [self.lin], moment)

    def shows(self) -> tuple[set[int], set[int]]:
        """What Zhao sees in WeCom, and what Qian sees."""
        with reading() as session:
            found = wanted(session, self.here.company_id, [self.zhao, self.qian])
        return found[self.zhao], found[self.qian]

    def given(self) -> list[tuple[int, int | None, list[tuple[str, str]]]]:
        with reading() as session:
            found = tags_of(session, self.here.company_id, [self.lin])[self.lin]
        return [(g.tag_id, g.follow_user_id, [(r.source, r.text) for r in g.reasons]) for g in found]

    def history(self) -> list[str]:
        with reading() as session:
            return list(
                session.scalars(
                    select(History.verb).where(History.customer_id == self.lin).order_by(History.id)
                )
            )


@pytest.fixture
def shop(company: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    ticks = iter(range(NOON, NOON + 10**6))
    monkeypatch.setattr("wxtag.clock.now", lambda: next(ticks))
    return Shop(world(company))


def test_a_mark_of_the_console_goes_to_all_relations(shop: Shop) -> None:
    assert shop.put(shop.high) == marks.Marked(True, {shop.lin})
    assert shop.shows() == ({shop.high}, {shop.high})
    assert shop.given() == [(shop.high, None, [("hand", "赵敏 手工添加")])]
    assert shop.history() == ["marked"]


def test_a_mark_beside_a_chat_stays_with_that_member(shop: Shop) -> None:
    assert shop.put(shop.high, shop.zhao, "wecom").changed
    assert shop.shows() == ({shop.high}, set())
    assert shop.given() == [(shop.high, shop.zhao, [("wecom", "赵敏 在企业微信中添加")])]


def test_the_same_again_changes_nothing(shop: Shop) -> None:
    assert shop.put(shop.high).changed
    assert not shop.put(shop.high).changed
    assert shop.take_off(shop.high).changed
    assert not shop.take_off(shop.high).changed
    assert shop.shows() == (set(), set())
    assert shop.history() == ["marked", "unmarked"]


def test_a_tag_goes_with_its_last_reason(shop: Shop) -> None:
    shop.put(shop.active)
    shop.put(shop.active, source="list")
    shop.acts()
    assert [source for source, _ in shop.given()[0][2]] == ["rule", "hand", "list"]
    shop.compute(NOON + 30 * DAY)
    assert [source for source, _ in shop.given()[0][2]] == ["hand", "list"]
    shop.take_off(shop.active)
    assert shop.given() == []


def test_groups_that_are_not_pushed_and_retired_tags_are_not_wanted(shop: Shop) -> None:
    shop.put(shop.secret)
    shop.put(shop.high)
    assert shop.shows() == ({shop.high}, {shop.high})
    assert [tag for tag, _, _ in shop.given()] == [shop.high, shop.secret]
    with writing() as session:
        session.get_one(Tag, shop.high).retired_at = NOON
    assert shop.shows() == (set(), set())
    assert [tag for tag, _, _ in shop.given()] == [shop.secret]


def test_taking_off_what_a_rule_gives_is_a_veto_of_that_relation(shop: Shop) -> None:
    shop.acts()
    assert shop.shows() == ({shop.active}, {shop.active})
    assert shop.take_off(shop.active, shop.zhao).changed
    assert shop.shows() == (set(), {shop.active})
    shop.acts(NOON + 1000)
    assert shop.shows() == (set(), {shop.active})
    assert shop.history() == ["tagged", "vetoed"]


def test_a_veto_of_the_customer_holds_for_all(shop: Shop) -> None:
    shop.acts()
    shop.take_off(shop.active)
    assert shop.shows() == (set(), set())
    assert shop.given() == []
    shop.put(shop.active)
    assert shop.shows() == ({shop.active}, {shop.active})


def test_a_veto_ends_when_the_rules_answer_changes(shop: Shop) -> None:
    shop.acts()
    shop.take_off(shop.active, shop.zhao)
    shop.compute(NOON + 30 * DAY)  # the rule no longer gives it
    assert shop.shows() == (set(), set())
    shop.acts(NOON + 31 * DAY)  # and gives it anew
    assert shop.shows() == ({shop.active}, {shop.active})


def test_a_mark_wins_over_an_older_veto_of_its_scope(shop: Shop) -> None:
    shop.acts()
    shop.take_off(shop.active, shop.zhao)
    shop.put(shop.active, shop.zhao)
    assert shop.shows() == ({shop.active}, {shop.active})
    shop.take_off(shop.active, shop.zhao)
    assert shop.shows() == (set(), {shop.active})


def test_what_a_member_took_off_stands_against_a_mark_of_the_console(shop: Shop) -> None:
    shop.put(shop.high)
    shop.take_off(shop.high, shop.zhao)
    assert shop.shows() == (set(), {shop.high})
    shop.put(shop.high, source="list")
    assert shop.shows() == (set(), {shop.high})
    shop.take_off(shop.high)  # nothing gives it any more: the veto ends with it
    shop.put(shop.high)
    assert shop.shows() == ({shop.high}, {shop.high})


def test_a_members_own_mark_falls_to_a_later_veto_of_the_customer(shop: Shop) -> None:
    shop.acts()
    shop.put(shop.active, shop.zhao)
    shop.take_off(shop.active)
    assert shop.shows() == (set(), set())
    shop.take_off(shop.active, shop.zhao)
    shop.put(shop.active, shop.zhao)
    assert shop.shows() == ({shop.active}, set())


def test_a_group_may_say_that_marks_belong_to_the_customer(shop: Shop) -> None:
    with writing() as session:
        session.get_one(TagGroup, shop.group_id).hand_scope = "customer"
    shop.put(shop.high, shop.zhao, "wecom")
    assert shop.shows() == ({shop.high}, {shop.high})
    with reading() as session:
        (mark,) = session.scalars(select(Mark)).all()
        assert (mark.follow_user_id, mark.origin["follow_user_id"]) == (None, shop.zhao)
        assert mark.identity_id == session.get_one(FollowUser, shop.zhao).identity_id
    shop.take_off(shop.high, shop.qian)
    assert shop.shows() == (set(), set())


def merge(shop: Shop, other: int) -> list[int]:
    """Makes Lin's customer part of another one; returns the identities that moved."""
    with writing() as session:
        moved = session.scalars(select(Identity.id).where(Identity.customer_id == shop.lin)).all()
        for identity_id in moved:
            session.get_one(Identity, identity_id).customer_id = other
        session.get_one(Customer, shop.lin).merged_into = other
        compute(session, shop.here.company_id, [shop.lin, other], NOON)
    return list(moved)


def test_marks_and_vetoes_go_along_with_a_merge_and_come_back_with_a_split(shop: Shop) -> None:
    with writing() as session:
        other = shop.here.customer(session)
    shop.acts()
    shop.put(shop.high)
    shop.put(shop.secret, shop.qian)
    shop.take_off(shop.active, shop.zhao)
    moved = merge(shop, other)
    with reading() as session:
        found = {g.tag_id: g.follow_user_id for g in tags_of(session, shop.here.company_id, [other])[other]}
        assert tags_of(session, shop.here.company_id, [shop.lin]) == {shop.lin: []}
    assert found == {shop.high: None, shop.secret: shop.qian, shop.active: None}
    assert shop.shows() == ({shop.high}, {shop.high, shop.active})
    with writing() as session:  # marked after the merge: it stays with the surviving customer
        late = marks.put(session, shop.here.company_id, shop.lin, shop.secret, "admin", "hand")
    assert late == marks.Marked(True, {other})
    with writing() as session:
        for identity_id in moved:
            session.get_one(Identity, identity_id).customer_id = shop.lin
        session.get_one(Customer, shop.lin).merged_into = None
        compute(session, shop.here.company_id, [shop.lin, other], NOON)
        after = tags_of(session, shop.here.company_id, [shop.lin, other])
    assert [g.tag_id for g in after[other]] == [shop.secret]
    assert {(g.tag_id, g.follow_user_id) for g in after[shop.lin]} == {
        (shop.active, None),
        (shop.high, None),
        (shop.secret, shop.qian),
    }
    assert shop.shows() == ({shop.high}, {shop.high, shop.active})


def test_of_a_mark_and_a_veto_brought_together_the_newest_counts(shop: Shop) -> None:
    with writing() as session:
        other = shop.here.customer(session)
        shop.here.event(session, shop.here.identity(session, other))
        compute(session, shop.here.company_id, [other], NOON)
        marks.take_off(session, shop.here.company_id, other, shop.active, "admin", "hand")
    shop.put(shop.active)
    merge(shop, other)
    assert shop.shows() == ({shop.active}, {shop.active})


def test_what_is_not_there_is_refused(shop: Shop) -> None:
    here = shop.here
    with writing() as session:
        stranger = World(make_company(session, core().sealer, "别家").id)
        theirs = stranger.customer(session)
        foreign_tag = stranger.tag(session, stranger.group(session), "别家的")
        wang = here.customer(session)
        session.get_one(Tag, shop.secret).retired_at = NOON

    def put(customer_id: int, tag_id: int, relation: int | None = None) -> None:
        with writing() as session:
            marks.put(session, here.company_id, customer_id, tag_id, "admin", "hand", relation)

    with pytest.raises(NotFound):
        put(theirs, shop.high)
    with pytest.raises(NotFound):
        put(shop.lin, foreign_tag)
    with pytest.raises(NotFound):
        put(shop.lin, shop.high, 987_654)
    with pytest.raises(InputError, match="not one of customer"):
        put(wang, shop.high, shop.zhao)
    with pytest.raises(InputError, match="no longer in the library"):
        put(shop.lin, shop.secret)
