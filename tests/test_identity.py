"""Who is one person: joined by evidence in any order, kept apart by conflicts, undone without a trace."""

import pytest
from sqlalchemy import select

from tests.people import MP, external, learn, openid, partition, phone, unionid
from wxtag import identity, verdicts
from wxtag.database import writing
from wxtag.errors import InputError, NotFound
from wxtag.events.decoded import Decoded, NewEvent
from wxtag.models import Conflict, Customer, Event, Identity, Merge, db
from wxtag.resolve import apply

LIN = (openid("oLin"), unionid("uLin"))
LIN_MP = (openid("mLin", MP), unionid("uLin"))
LIN_WECOM = (external("wmLin"), unionid("uLin"))


def customer_of(value):
    return db.session.scalars(select(Identity.customer_id).where(Identity.value == value)).one()


def test_three_surfaces_with_one_unionid_are_one_customer(app, company):
    with writing() as session:
        learn(session, company.id, LIN, LIN_MP, LIN_WECOM, (openid("oWang"), unionid("uWang")))
    assert len({customer_of(v) for v in ("oLin", "mLin", "wmLin", "uLin")}) == 1
    assert customer_of("oWang") != customer_of("oLin")


def test_an_old_id_answers_with_the_customer_it_became(app, company):
    with writing() as session:
        apply(session, company.id, Decoded(identities=[LIN[0]]), 1)
        apply(session, company.id, Decoded(identities=[LIN_WECOM[0]]), 2)
        old = {customer_of("oLin"), customer_of("wmLin")}
        learn(session, company.id, LIN, LIN_WECOM)
    assert {identity.current(db.session(), company.id, one) for one in old} == {customer_of("oLin")}
    with pytest.raises(NotFound):
        identity.current(db.session(), company.id, 999_999)


def test_events_stay_with_the_identity_that_did_them(app, company):
    with writing() as session:
        apply(session, company.id, Decoded(events=[NewEvent(LIN[0], "followed", 1000)]), 1)
        before = db.session.scalars(select(Event.identity_id)).one()
        learn(session, company.id, LIN, LIN_WECOM)
    assert db.session.scalars(select(Event.identity_id)).one() == before


def test_a_message_that_runs_twice_makes_one_event(app, company):
    decoded = Decoded(events=[NewEvent(LIN[0], "followed", 1000), NewEvent(LIN[0], "scanned", 1000)])
    with writing() as session:
        apply(session, company.id, decoded, 7)
        apply(session, company.id, decoded, 7)
    assert sorted(db.session.scalars(select(Event.kind))) == ["followed", "scanned"]


def test_ids_that_differ_only_in_case_are_two_people(app, company):
    with writing() as session:
        learn(session, company.id, (external("wmAbC"), unionid("u1")), (external("wmabc"), unionid("u2")))
    assert customer_of("wmAbC") != customer_of("wmabc")


def test_a_verified_phone_joins(app, company):
    with writing() as session:
        learn(session, company.id, (openid("mLin", MP), phone("+8613800138000")))
        learn(session, company.id, (openid("mLin2", "wx5c0ffee5c0ffee03"), phone("+8613800138000")))
    assert customer_of("mLin") == customer_of("mLin2")
    stored = db.session.scalars(select(Identity).where(Identity.kind == "phone")).one()
    assert len(stored.value) == 64 and "13800138000" not in stored.value + (stored.sealed or "")


def test_a_phone_that_meets_a_second_unionid_joins_neither(app, company):
    number = phone("+8613800138000")
    with writing() as session:
        learn(session, company.id, LIN_MP, (openid("mLin", MP), number))
        together = customer_of("mLin")
        learn(session, company.id, (openid("mWang", MP), unionid("uWang")), (openid("mWang", MP), number))
    phone_row = db.session.scalars(select(Identity).where(Identity.kind == "phone")).one()
    assert len({customer_of("mLin"), customer_of("mWang"), phone_row.customer_id}) == 3
    assert customer_of("mLin") == together
    conflict = db.session.scalars(select(Conflict)).one()
    assert (conflict.kind, conflict.state, conflict.identity_id) == ("phone", "open", phone_row.id)


def test_an_openid_that_gets_a_second_unionid_stands_alone_until_somebody_decides(app, company):
    with writing() as session:
        learn(session, company.id, LIN, LIN_WECOM, (openid("oLin"), unionid("uOther")))
        assert customer_of("oLin") not in (customer_of("uLin"), customer_of("uOther"))
        conflict = db.session.scalars(select(Conflict)).one()
        verdicts.decide(session, company.id, conflict.id, "same", "admin")
    assert len({customer_of(v) for v in ("oLin", "uLin", "uOther", "wmLin")}) == 1


def test_a_merge_by_hand_can_be_undone_and_stays_undone(app, company):
    with writing() as session:
        learn(session, company.id, LIN, (external("wmWang"), unionid("uWang")))
        lin, wang = customer_of("oLin"), customer_of("wmWang")
        survivor = verdicts.merge(session, company.id, wang, lin, "Zhao")
        merge = session.scalars(select(Merge)).one()
        back = verdicts.split(session, company.id, merge.id, "Zhao")
    assert (survivor, back) == (lin, wang)
    assert (customer_of("oLin"), customer_of("wmWang")) == (lin, wang)
    assert db.session.get(Customer, wang).merged_into is None
    with pytest.raises(InputError, match="undone already"), writing() as session:
        verdicts.split(session, company.id, merge.id, "Zhao")


def test_what_a_person_called_different_is_not_joined_by_the_same_evidence_again(app, company):
    with writing() as session:
        apply(session, company.id, Decoded(identities=[openid("oLin")]), 1)
        apply(session, company.id, Decoded(identities=[external("wmLin")]), 2)
        learn(session, company.id, LIN_WECOM, LIN)
        merge = session.scalars(select(Merge).order_by(Merge.id.desc())).first()
        verdicts.split(session, company.id, merge.id, "Zhao")
        apart = partition(session, company.id)
        learn(session, company.id, LIN_WECOM, LIN)
        assert partition(session, company.id) == apart
    assert len(apart) == 2


def test_a_phone_does_not_settle_whose_an_id_in_dispute_is(app, company):
    number = phone("+8613800138000")
    with writing() as session:
        learn(
            session,
            company.id,
            LIN,
            (LIN[0], unionid("uOther")),
            (LIN[0], number),
            LIN_MP,
            (LIN_MP[0], number),
        )
    assert customer_of("oLin") not in (customer_of("uLin"), customer_of("uOther"))
    assert customer_of("mLin") == customer_of("uLin")
