"""Erasing: nothing of the person is left, nothing old brings them back, nobody else loses anything."""

import time

import pytest
from sqlalchemy import select

from tests.arriving import arrive, fan_event
from tests.callbacks import playing
from tests.town import PHONE, Town
from wxtag import clock
from wxtag.app import core
from wxtag.companies import make_company
from wxtag.database import writing
from wxtag.events.decoded import Decoded, IdentityKey, NewLink
from wxtag.models import (
    Customer,
    Erased,
    Event,
    Field,
    FollowUser,
    History,
    Identity,
    InboxMessage,
    Mark,
    Push,
    Tag,
    TagGroup,
    Touched,
    db,
)
from wxtag.privacy.erasing import erase_customer
from wxtag.resolve import apply, one_at_a_time


@pytest.fixture
def town(app, company):
    made = Town(company)
    made.comes()
    assert made.ids() == {"oLin", "oWang", "oMini", "uLin", "wmLin", "phone"}
    assert len({made.customer(one) for one in ("oLin", "oMini", "uLin", "wmLin")}) == 1
    return made


def test_a_closed_account_leaves_nothing_of_what_came_through_it(town):
    town.cancels(town.mp, "oMini")
    town.works()
    assert town.ids() == {"oLin", "oWang", "uLin", "wmLin"}, "the phone was known through oMini only"
    everything = town.everything()
    assert "oMini" not in everything
    assert PHONE not in everything
    assert "满满" in everything, "the member's contact in WeCom is not the mini-program's"
    kept = db.session.scalars(select(Erased)).one()
    assert (kept.cause, kept.counts["identities"]) == ("account_closed", 2)
    assert kept.counts["events"] == {"2026-09": {"logged_in": 1, "gave_phone": 1}}


def test_the_customers_name_and_tags_are_made_anew_from_what_is_left(town):
    with writing() as session:
        session.query(Touched).delete()
    town.cancels(town.oa, "oLin")
    town.works()
    customer = db.session.get(Customer, town.customer("wmLin"))
    assert customer.name == "满满"
    assert "林小满" not in town.everything()
    touched = set(db.session.scalars(select(Touched.customer_id)))
    assert customer.id in touched
    assert touched <= set(db.session.scalars(select(Customer.id)))


def test_replaying_the_inbox_brings_nobody_back(town):
    town.cancels(town.mp, "oMini")
    town.works()
    before = town.ids()
    for _ in range(2):
        assert town.replays() > 0
        assert town.ids() == before
        assert "oMini" not in town.everything()
    states = set(db.session.scalars(select(InboxMessage.state)))
    assert states <= {"done", "ignored", "duplicate", "erased"}, "nothing is tried that was emptied"


def test_what_was_on_its_way_brings_nobody_back_and_is_emptied(town):
    town.cancels(town.oa, "oLin")
    town.works()
    town.says(town.oa, "lookup", "user_info", town.fan(), at=playing.NOW * 1000)
    arrive(town.oa, fan_event("subscribe", at=playing.NOW - 5))
    town.works()
    assert "oLin" not in town.ids()
    assert "oLin" not in town.everything()
    assert "林小满" not in town.everything()


def test_messages_of_one_batch_go_in_order(town):
    """The closing comes between two messages of the same person, all worked off at once."""
    now = clock.now()
    arrive(town.oa, fan_event("CLICK", EventKey="before"))
    town.cancels(town.oa, "oLin")
    arrive(town.oa, fan_event("CLICK", EventKey="after", at=playing.NOW + 1), at=now + 60_000)
    town.works()
    events = db.session.scalars(select(Event).where(Event.kind == "clicked_menu")).all()
    assert [one.properties for one in events] == [{"key": "after"}]


def test_whoever_comes_again_later_is_a_new_customer(town):
    before = town.customer("oLin")
    town.cancels(town.oa, "oLin")
    town.works()
    arrive(town.oa, fan_event("subscribe", at=playing.NOW + 100), at=clock.now() + 1000)
    town.works()
    again = town.customer("oLin")
    assert again != before
    kinds = db.session.scalars(
        select(Event.kind).join(Identity, Identity.id == Event.identity_id).where(Identity.value == "oLin")
    ).all()
    assert kinds == ["followed"]
    # The platform sends the closing again, or an operator replays: it was done, and is not done to them.
    town.cancels(town.oa, "oLin")
    town.replays()
    assert town.customer("oLin") == again


def test_a_customer_without_any_id_left_is_gone(town):
    before = town.customer("oWang")
    arrive(town.oa, fan_event("CLICK", openid="oWang", EventKey="just before, in the same batch"))
    town.cancels(town.oa, "oWang")
    town.works()
    touched = set(db.session.scalars(select(Touched.customer_id)))
    assert touched <= set(db.session.scalars(select(Customer.id)))
    assert db.session.get(Customer, before) is None
    assert "oWang" not in town.everything()
    assert town.ids() == {"oLin", "oMini", "uLin", "wmLin", "phone"}


def test_somebody_unknown_can_close_their_account(town):
    town.cancels(town.oa, "oNobody")
    town.works()
    assert "oNobody" not in town.everything()
    assert town.ids() == {"oLin", "oWang", "oMini", "uLin", "wmLin", "phone"}


def test_another_company_with_the_same_ids_keeps_theirs(town, app):
    with writing() as session:
        other = make_company(session, core().sealer, "别家")
    with writing() as session:
        customer = Customer(company_id=other.id, created_at=1)
        session.add(customer)
        session.flush()
        session.add(
            Identity(
                company_id=other.id,
                kind="openid",
                scope=town.mp.key,
                value="oMini",
                customer_id=customer.id,
                created_at=1,
            )
        )
    town.cancels(town.mp, "oMini")
    town.works()
    assert db.session.scalars(select(Identity.company_id).where(Identity.value == "oMini")).all() == [
        other.id
    ]


def tag_of(town, customer_id, source="hand"):
    with writing() as session:
        group = TagGroup(company_id=town.id, path="客户意向")
        session.add(group)
        session.flush()
        tag = Tag(company_id=town.id, group_id=group.id, name="高意向")
        session.add(tag)
        session.flush()
        session.add(
            Mark(
                company_id=town.id,
                tag_id=tag.id,
                verb="mark",
                customer_id=customer_id,
                source=source,
                actor="林",
                origin={"note": "她说喜欢龙井"},
                at=1,
            )
        )


def erase(town, customer_id):
    with writing() as session:
        company = one_at_a_time(session, town.id)
        return [
            (one.userid, one.external_userid) for one in erase_customer(session, company, customer_id, "x")
        ]


def test_erasing_a_customer_who_is_still_a_contact_leaves_the_bare_pair(town):
    customer = town.customer("wmLin")
    tag_of(town, customer)
    with writing() as session:
        identity = session.scalars(select(Identity).where(Identity.value == "wmLin")).one()
        session.add(
            Field(company_id=town.id, identity_id=identity.id, name="birthday", value="1990-01-02", at=1)
        )
    assert erase(town, customer) == [("zhao", "wmLin")]
    town.works()
    assert town.ids() == {"oWang", "wmLin"}
    everything = town.everything()
    for word in ("oLin", "oMini", "uLin", PHONE, "林小满", "满满", "店长的朋友", "1990-01-02", "龙井"):
        assert word not in everything, word
    bare = town.customer("wmLin")
    assert bare != customer
    assert bare in set(db.session.scalars(select(Touched.customer_id))), "what we put on is taken off"
    assert db.session.scalars(select(Push)).one().state == "waiting"
    assert db.session.get(Customer, customer) is None
    town.replays()
    assert town.ids() == {"oWang", "wmLin"}


def test_erasing_a_customer_whose_friendships_are_over_leaves_nothing(town):
    with writing() as session:
        session.scalars(select(FollowUser)).one().status = "deleted_by_staff"
    assert erase(town, town.customer("wmLin")) == []
    assert town.ids() == {"oWang"}
    assert "wmLin" not in town.everything()
    town.replays()
    assert town.ids() == {"oWang"}


def test_whom_only_the_erased_id_held_together_are_two_again(town):
    with writing() as session:
        mini = IdentityKey("openid", town.mp.key, "oBridge")
        ends = [
            IdentityKey("member", "shop", "m-7"),
            IdentityKey("external_userid", town.corp.key, "wmBridge"),
        ]
        apply(session, town.id, Decoded(links=[NewLink(mini, end, "test") for end in ends]), 1)
    assert town.customer("m-7") == town.customer("wmBridge")
    town.cancels(town.mp, "oBridge")
    town.works()
    assert town.customer("m-7") != town.customer("wmBridge")


def test_reasons_in_the_history_of_who_stays_are_emptied(town):
    customer = town.customer("wmLin")
    with writing() as session:
        line = {"verb": "tagged", "actor": "rules", "text": "活跃：近7天互动 12 次", "at": 1}
        session.add(History(company_id=town.id, customer_id=customer, **line))
    town.cancels(town.oa, "oLin")
    town.works()
    assert "近7天互动" not in town.everything()


def test_the_erasure_of_another_drops_nothing_of_who_came_again_before_it(town):
    town.cancels(town.oa, "oLin")
    town.works()
    time.sleep(0.005)
    town.cancels(town.oa, "oWang")
    again = fan_event("subscribe", at=playing.NOW + 7)
    arrive(town.oa, again, at=clock.now())  # after Lin's erasure, before Wang's is done
    time.sleep(0.005)
    town.works()
    assert "oLin" in town.ids()
    assert "oWang" not in town.ids()
