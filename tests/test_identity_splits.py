"""Months later merges are undone, in any order: each side has its ids, events, marks, vetoes, fields."""

import random
from itertools import pairwise

import pytest
from sqlalchemy import select

from tests.people import CORP, MP, external, openid, phone, unionid
from wxtag import clock, identity, marks, touch, verdicts
from wxtag.database import writing
from wxtag.errors import InputError
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, NewLink, Profile, Relation
from wxtag.models import (
    Conflict,
    Customer,
    Event,
    Field,
    FollowUser,
    Identity,
    Mark,
    Merge,
    Tag,
    TagGroup,
    Touched,
    db,
)
from wxtag.resolve import apply
from wxtag.tags.decisions import decisions

PEOPLE = ("a", "b", "c", "d")
DAY = 86_400_000


def row_of(session, key):
    found = select(Identity).where(Identity.kind == key.kind, Identity.value == key.value)
    return session.scalars(found.where(Identity.scope == key.scope)).one()


def settle(session, company, tags, name, number):
    """One person with two ids, an event of each, a relation with a mark, a mark and a veto of their own."""
    own, contact = openid(f"o{name}"), external(f"wm{name}")
    apply(
        session,
        company.id,
        Decoded(
            links=[
                NewLink(own, unionid(f"u{name}"), "user_info"),
                NewLink(contact, unionid(f"u{name}"), "contact"),
            ],
            events=[NewEvent(own, "followed", number * 1000), NewEvent(contact, "added", number * 1000 + 1)],
            profiles=[Profile(contact, f"人{name}", at=number)],
            relations=[Relation(CORP, f"Zhao{name}", f"wm{name}", "active", at=number)],
        ),
        number,
    )
    customer = row_of(session, own).customer_id
    relation = session.scalars(select(FollowUser).where(FollowUser.external_userid == f"wm{name}")).one()
    marks.put(session, company.id, customer, tags[0].id, f"by {name}", "hand")
    marks.put(session, company.id, customer, tags[1].id, f"by {name}", "wecom", follow_user_id=relation.id)
    whose = {"company_id": company.id, "at": number}
    by = {"source": "hand", "actor": f"by {name}"}
    session.add(Mark(tag_id=tags[2].id, verb="veto", customer_id=customer, **by, **whose))
    session.add(Field(identity_id=row_of(session, own).id, name="city", value=name, **whose))
    session.flush()
    return customer


@pytest.fixture
def tags(app, company):
    with writing() as session:
        group = TagGroup(company_id=company.id, path="意向")
        session.add(group)
        session.flush()
        made = [Tag(company_id=company.id, group_id=group.id, name=f"标签{n}") for n in range(4)]
        session.add_all(made)
        session.flush()
        return made


def picture(session, company, customer):
    """Everything that is a customer's, as the product finds it."""
    ids = {i.id: i for i in session.scalars(select(Identity).where(Identity.customer_id == customer))}
    found = decisions(session, company.id, {customer})[customer]
    return {
        "ids": {(one.kind, one.value) for one in ids.values()},
        "events": {e.uid for e in session.scalars(select(Event).where(Event.identity_id.in_(ids)))},
        "fields": {f.value for f in session.scalars(select(Field).where(Field.identity_id.in_(ids)))},
        "relations": {
            r.userid for r in session.scalars(select(FollowUser).where(FollowUser.identity_id.in_(ids)))
        },
        "decisions": {(m.verb, m.tag_id, m.actor, m.follow_user_id) for m in found.all()},
        "name": session.get(Customer, customer).name,
    }


def join(session, company, chance, one, other, number):
    """By hand, or by evidence that an id conversion or a phone gives."""
    way = chance.choice(["hand", "member", "phone"])
    if way == "hand":
        sides = [row_of(session, openid(f"o{p}")).customer_id for p in (one, other)]
        verdicts.merge(session, company.id, sides[0], sides[1], "Zhao")
        return
    key = IdentityKey("member", "shop", f"{one}{other}")
    if way == "phone":
        key = phone(f"+86138001380{number:02}")
    links = [NewLink(openid(f"o{p}"), key, way) for p in (one, other)]
    touch.touch(session, company.id, apply(session, company.id, Decoded(links=links), 100 + number))
    for asked in session.scalars(select(Conflict).where(Conflict.state == "open")).all():
        verdicts.decide(session, company.id, asked.id, "same", "Zhao")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(more, marks=pytest.mark.long) for more in range(2, 12))]
)
def test_undoing_merges_in_any_order_gives_back_exactly(app, company, tags, seed, monkeypatch):
    print(f"seed {seed}")
    chance = random.Random(seed)
    with writing() as session:
        began = {name: settle(session, company, tags, name, n + 1) for n, name in enumerate(PEOPLE)}
        before = {name: picture(session, company, one) for name, one in began.items()}
        order = list(PEOPLE)
        chance.shuffle(order)
        for number, (one, other) in enumerate(pairwise(order)):
            join(session, company, chance, one, other, number)
        assert len({identity.current(session, company.id, one) for one in began.values()}) == 1
    later = clock.now() + 100 * DAY
    monkeypatch.setattr(clock, "now", lambda: later)
    with writing() as session:
        for number, name in enumerate(PEOPLE):
            new = openid(f"m{name}", MP)
            link, event = NewLink(new, unionid(f"u{name}"), "mini_login"), NewEvent(new, "launched", later)
            apply(session, company.id, Decoded(links=[link], events=[event]), 200 + number)
        whole = identity.current(session, company.id, began["a"])
        assert picture(session, company, whole)["fields"] == set(PEOPLE)
        assert len(picture(session, company, whole)["events"]) == 12
        marks.put(session, company.id, whole, tags[3].id, "after", "hand")
    with writing() as session:
        session.query(Touched).delete()
        for _ in range(20):
            standing = session.scalars(
                select(Merge).where(Merge.verb == "merge", Merge.undone_at.is_(None)).order_by(Merge.id)
            ).all()
            if not standing:
                break
            verdicts.split(session, company.id, chance.choice(standing).id, "Zhao")
        now = {name: row_of(session, openid(f"o{name}")).customer_id for name in PEOPLE}
        assert now == began, "everyone is the customer they were"
        assert set(now.values()) <= {row.customer_id for row in session.scalars(select(Touched))}
        for number, name in enumerate(PEOPLE):
            found, was = picture(session, company, now[name]), before[name]
            since = {("mark", tags[3].id, "after", None)}
            known = {one for one in found["ids"] if one[0] not in ("phone", "member")}
            assert known == was["ids"] | {("openid", f"m{name}")}
            assert found["events"] == was["events"] | {f"{200 + number}:0"}
            assert found["fields"] == was["fields"] and found["relations"] == was["relations"]
            assert found["decisions"] - since == was["decisions"]
            assert found["name"] == was["name"]
            assert session.get(Customer, now[name]).merged_into is None
        assert ("mark", tags[3].id, "after", None) in picture(session, company, whole)["decisions"]


def test_the_middle_of_a_chain_comes_back_with_who_came_by_it(app, company, tags):
    """A+B, then C by evidence of B, then B is split off: C goes along, and C's old number answers with B."""
    with writing() as session:
        a, b, c = (settle(session, company, tags, name, n + 1) for n, name in enumerate("abc"))
        verdicts.merge(session, company.id, a, b, "Zhao")
        first = session.scalars(select(Merge).order_by(Merge.id.desc())).first()
        new, platform = openid("bb", MP), unionid("n2", "open-2")
        links = [(new, unionid("ub")), (new, platform), (external("wmc"), platform)]
        apply(session, company.id, Decoded(links=[NewLink(*pair, "login") for pair in links]), 50)
        # The platform says under another Open Platform account that B and C are one; both had a unionid.
        for asked in session.scalars(select(Conflict).where(Conflict.state == "open")).all():
            verdicts.decide(session, company.id, asked.id, "same", "Zhao")
        assert {identity.current(session, company.id, one) for one in (a, b, c)} == {a}
        assert verdicts.split(session, company.id, first.id, "Zhao") == b
        assert [identity.current(session, company.id, one) for one in (a, b, c)] == [a, b, b]
        assert picture(session, company, b)["relations"] == {"zhaob", "zhaoc"}
        with pytest.raises(InputError, match="undone already"):
            verdicts.split(session, company.id, first.id, "Zhao")


def test_who_was_merged_later_stays_with_the_survivor(app, company, tags):
    with writing() as session:
        a, b, c = (settle(session, company, tags, name, n + 1) for n, name in enumerate("abc"))
        verdicts.merge(session, company.id, a, b, "Zhao")
        first = session.scalars(select(Merge).order_by(Merge.id.desc())).first()
        verdicts.merge(session, company.id, c, b, "Zhao")
        verdicts.split(session, company.id, first.id, "Zhao")
        assert [identity.current(session, company.id, one) for one in (a, b, c)] == [a, b, a]


def test_merging_again_after_a_split_is_possible(app, company, tags):
    with writing() as session:
        a, b = (settle(session, company, tags, name, n + 1) for n, name in enumerate("ab"))
        for _ in range(3):
            verdicts.merge(session, company.id, a, b, "Zhao")
            assert identity.current(session, company.id, b) == a
            newest = session.scalars(
                select(Merge).where(Merge.verb == "merge").order_by(Merge.id.desc())
            ).first()
            assert verdicts.split(session, company.id, newest.id, "Chen") == b


def test_one_person_in_several_corps_is_one_customer_with_relations_of_each(app, company):
    corps = [("ww0demo0000000001", "Zhao"), ("ww0demo0000000002", "Chen")]
    with writing() as session:
        for number, (corpid, userid) in enumerate(corps):
            who = IdentityKey("external_userid", corpid, f"wm{number}")
            relation = Relation(corpid, userid, f"wm{number}", "active", at=1)
            link = NewLink(who, unionid("uLin"), "contact")
            apply(session, company.id, Decoded(links=[link], relations=[relation]), number + 1)
    (customer,) = set(db.session.scalars(select(Identity.customer_id)))
    rows = db.session.scalars(select(FollowUser).order_by(FollowUser.id)).all()
    assert [(row.corpid, row.userid, row.external_userid) for row in rows] == [
        ("ww0demo0000000001", "zhao", "wm0"),
        ("ww0demo0000000002", "chen", "wm1"),
    ]
    assert db.session.get(Customer, customer).merged_into is None
