"""Erasing: nothing of the person is left, nothing old brings them back, nobody else loses anything."""

import json

import pytest
from sqlalchemy import select

from tests.arriving import COUNTER, OFFICIAL, WECOM, arrive, bound, fan_event, wecom_event, xml
from tests.callbacks import playing
from workers import jobs
from wxtag import clock, drain, inbox
from wxtag.app import core
from wxtag.database import writing
from wxtag.inbox import accept
from wxtag.models import (
    Base,
    Company,
    Customer,
    Erased,
    Event,
    Field,
    FollowUser,
    Identity,
    InboxMessage,
    Mark,
    Push,
    Tag,
    TagGroup,
    Touched,
    db,
)
from wxtag.privacy import policies
from wxtag.privacy.erasing import erase_customer
from wxtag.resolve import one_at_a_time
from wxtag.spooling import SpoolRecord

MINI = {
    "kind": "mini_program",
    "appid": playing.MP,
    "secret": "secret-three",
    "token": playing.TOKEN,
    "aes_key": playing.AES_KEY,
    "open_platform": "open-1",
}
PHONE = "+8613800138000"


class Town:
    """Lin is a fan (oLin), uses the mini-program (oMini), has Zhao as a contact (wmLin); Wang is a fan."""

    def __init__(self, company):
        self.id = company.id
        self.oa, self.mp, self.corp = bound(company, OFFICIAL), bound(company, MINI), bound(company, WECOM)

    def comes(self):
        arrive(self.oa, fan_event("subscribe"), fan_event("CLICK", EventKey="menu_lin"))
        arrive(self.oa, fan_event("subscribe", openid="oWang"))
        self.says(self.oa, "lookup", "user_info", self.fan())
        self.says(self.mp, "mini", "login", {"openid": "oMini", "unionid": "uLin"})
        self.says(self.mp, "mini", "phone", {"openid": "oMini", "phone": PHONE})
        arrive(self.corp, wecom_event("add_external_contact"))
        self.says(self.corp, "lookup", "contact", self.contact())
        self.works()

    def fan(self):
        answer = {"subscribe": 1, "openid": "oLin", "unionid": "uLin", "nickname": "林小满"}
        return {"subject": "oLin", "asked_at": playing.NOW * 1000, "answer": answer}

    def contact(self):
        answer = {
            "external_contact": {"external_userid": "wmLin", "name": "满满", "unionid": "uLin"},
            "follow_user": [
                {"userid": "Zhao", "remark": "店长的朋友", "createtime": playing.NOW, "tags": []}
            ],
        }
        return {"subject": "wmLin", "asked_at": playing.NOW * 1000, "answer": answer}

    def says(self, account, source, event, body, at=playing.NOW * 1000):
        record = SpoolRecord(
            account.id, account.company_id, source, json.dumps(body).encode(), at, event=event
        )
        return accept([(f"test:{next(COUNTER)}", record)])

    def cancels(self, account, openid, at=playing.NOW * 1000):
        return arrive(
            account,
            xml(
                ToUserName="gh_0a1b2c3d4e5f",
                FromUserName="oPush",
                CreateTime=at // 1000,
                MsgType="event",
                Event="user_authorization_cancellation",
                OpenID=openid,
                AppID=account.appid,
            ),
            at=at,
        )

    def works(self):
        while drain.drain(jobs._meaning, jobs._take_in):
            pass
        db.session.rollback()

    def everything(self):
        """All that the database holds, with what is sealed opened."""
        with db.engine.connect() as connection:
            found = [
                repr(tuple(row))
                for table in Base.metadata.sorted_tables
                for row in connection.execute(select(table))
            ]
        with writing() as session:
            read, columns = inbox.Reader(session), [getattr(InboxMessage, one) for one in inbox.Kept._fields]
            for row in session.execute(select(*columns).where(InboxMessage.body != b"")):
                found.append(json.dumps(read(inbox.Kept(*row)).content, ensure_ascii=False))
            for row in session.scalars(select(Identity).where(Identity.sealed.is_not(None))):
                found.append(core().sealer.open(row.sealed, "phone"))
        return "\n".join(found)

    def ids(self):
        db.session.rollback()
        return {row.value if row.kind != "phone" else "phone" for row in db.session.scalars(select(Identity))}

    def customer(self, value):
        db.session.rollback()
        return db.session.scalars(select(Identity.customer_id).where(Identity.value == value)).one()

    def replays(self):
        with writing() as session:
            count = inbox.replay(session, self.id)
        self.works()
        return count


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
    assert not db.session.scalars(select(InboxMessage.id).where(InboxMessage.state == "failed")).all()


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
    town.cancels(town.oa, "oWang")
    town.works()
    assert db.session.get(Customer, before) is None
    assert "oWang" not in town.everything()
    assert town.ids() == {"oLin", "oMini", "uLin", "wmLin", "phone"}


def test_somebody_unknown_can_close_their_account(town):
    town.cancels(town.oa, "oNobody")
    town.works()
    assert "oNobody" not in town.everything()
    assert town.ids() == {"oLin", "oWang", "oMini", "uLin", "wmLin", "phone"}


def test_another_company_with_the_same_ids_keeps_theirs(town, app):
    from wxtag.companies import make_company

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


DAY = 86_400_000


def policy(town, act="anonymise", days=30):
    with writing() as session:
        policies.set_unsubscribed(session, session.get(Company, town.id), act, days)


def unfollows(town, openid="oLin"):
    arrive(town.oa, fan_event("unsubscribe", openid=openid, at=playing.NOW + 10))
    town.works()


def night(town, days):
    return policies.forget_unsubscribed(town.id, (playing.NOW + 10) * 1000 + days * DAY)


def test_whoever_unfollows_is_kept_unless_the_company_decides_otherwise(town):
    unfollows(town)
    assert night(town, 4000) == 0
    policy(town, "keep", None)
    assert night(town, 4000) == 0
    assert "oLin" in town.ids()


def test_by_policy_that_openid_goes_after_so_many_days_and_nothing_else(town):
    policy(town)
    unfollows(town)
    assert night(town, 29) == 0
    assert night(town, 31) == 1
    assert town.ids() == {"oWang", "oMini", "uLin", "wmLin", "phone"}
    assert "oLin" not in town.everything()
    assert db.session.scalars(select(Erased)).one().cause == "unsubscribed"
    assert night(town, 31) == 0


def test_whoever_followed_again_stays(town):
    policy(town)
    unfollows(town)
    arrive(town.oa, fan_event("subscribe", at=playing.NOW + 20), at=(playing.NOW + 20) * 1000)
    town.works()
    assert night(town, 4000) == 0
    assert "oLin" in town.ids()
