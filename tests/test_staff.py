"""Staff who are renamed, leave and come back: their relations, pushes, marks and keys go along."""

import pytest
from sqlalchemy import select

from tests.people import CORP, standing_tag
from wxtag import clock, staff, touch
from wxtag.database import writing
from wxtag.events.decoded import AllRelations, Decoded, Relation
from wxtag.follow_users import LIVE
from wxtag.models import (
    ApiKey,
    FollowUser,
    History,
    Mark,
    Push,
    RelationTag,
    Staff,
    db,
)
from wxtag.resolve import apply

T0 = 1_790_000_000_000


@pytest.fixture(params=["relation", "customer"])
def tag(app, company, request):
    """Our tag 高意向, which stands as et1 in the corp's library; marks in both scopes."""
    return standing_tag(company.id, T0, request.param)


def reading(company, userid, *tags, external="wmLin"):
    """A full answer: this member is the only one who has the customer, with these tags on it."""
    now = clock.now()
    decoded = Decoded(
        relations=[
            Relation(CORP, userid, external, status="active", added_at=T0, at=now, tags=tags, state="poster")
        ],
        all_relations=[AllRelations(CORP, external, now)],
    )
    with writing() as session:
        return apply(session, company.id, decoded, 1)


def we_put(*wecom_ids, state="done"):
    """We pushed these tags to the one live relation."""
    with writing() as session:
        one = session.scalars(select(FollowUser).where(FollowUser.status.in_(LIVE))).one()
        session.add_all(
            RelationTag(company_id=one.company_id, follow_user_id=one.id, wecom_id=w, ours=True, at=T0)
            for w in wecom_ids
        )
        push = session.get(Push, one.id)
        push.state, push.intent = state, None


def rename(company, old="LinMei", new="LinMei2"):
    with writing() as session:
        return staff.renamed(session, company.id, CORP, old, new)


def believed(follow_user_id):
    rows = db.session.execute(
        select(RelationTag.wecom_id, RelationTag.ours).where(RelationTag.follow_user_id == follow_user_id)
    )
    return dict(rows.all())


def one_relation():
    db.session.rollback()
    return db.session.scalars(select(FollowUser)).one()


def test_a_rename_takes_everything_along_and_pushes_nothing_twice(company, tag):
    reading(company, "LinMei", "other")
    we_put("et1")
    before = one_relation().id
    with writing() as session:
        session.add(
            ApiKey(company_id=company.id, hash="h", role="staff", corpid=CORP, userid="linmei", created_at=T0)
        )
    touched = rename(company)
    after = one_relation()
    assert (after.id, after.userid, after.shown) == (before, "linmei2", "LinMei2")
    assert touched != set()
    assert believed(after.id) == {"et1": True, "other": False}
    assert after.read_at is not None
    assert [(row.userid, row.shown) for row in db.session.scalars(select(Staff))] == [("linmei2", "LinMei2")]
    assert db.session.scalars(select(ApiKey)).one().userid == "linmei2"
    rename(company)  # told again
    assert believed(one_relation().id) == {"et1": True, "other": False}


@pytest.mark.parametrize("told_twice", [False, True])
def test_a_reading_before_the_news_of_the_rename_makes_no_second_relation(company, tag, told_twice):
    """A reading names the new userid first: the old relation ends, ours looks like theirs. Then the news."""
    reading(company, "LinMei")
    we_put("et1")
    reading(company, "LinMei2", "et1", "theirs")
    marks = db.session.scalars(select(Mark).where(Mark.ended_at.is_(None))).all()
    assert [mark.tag_id for mark in marks] == [tag], "as if a member had put it on"
    for _ in range(1 + told_twice):
        rename(company)
    joined = one_relation()
    assert (joined.userid, joined.status, joined.state) == ("linmei2", "active", "poster")
    assert believed(joined.id) == {"et1": True, "theirs": False}
    db.session.expire_all()
    assert db.session.scalars(select(Mark).where(Mark.ended_at.is_(None))).all() == []
    assert [push.follow_user_id for push in db.session.scalars(select(Push))] == [joined.id]
    assert [row.userid for row in db.session.scalars(select(Staff))] == ["linmei2"]


def test_what_staff_did_by_hand_under_either_userid_stays(company, tag):
    reading(company, "LinMei")
    reading(company, "LinMei", "et1")  # put on in the client
    reading(company, "LinMei2", "et1")
    rename(company)
    joined = one_relation()
    assert believed(joined.id) == {"et1": False}
    stands = db.session.scalars(select(Mark).where(Mark.ended_at.is_(None))).all()
    assert {mark.tag_id for mark in stands} == {tag}
    assert all(mark.follow_user_id in (None, joined.id) for mark in stands)
    lines = db.session.scalars(select(History).where(History.follow_user_id.is_not(None))).all()
    assert all(line.follow_user_id == joined.id for line in lines)


def test_a_push_that_was_under_way_is_still_known_as_ours(company, tag):
    reading(company, "LinMei")
    with writing() as session:
        push = session.scalars(select(Push)).one()
        push.intent = {"add": ["et1"], "remove": [], "at": clock.now()}
    reading(company, "LinMei2", "et1")
    rename(company)
    assert believed(one_relation().id) == {"et1": True}


def test_a_relation_never_read_under_the_new_userid_takes_over_what_was_read(company, tag):
    reading(company, "LinMei", "theirs")
    we_put("et1")
    news = Relation(CORP, "LinMei2", "wmLin", status="active", at=clock.now())
    with writing() as session:
        apply(session, company.id, Decoded(relations=[news]), 2)
    rename(company)
    joined = one_relation()
    assert believed(joined.id) == {"et1": True, "theirs": False}
    assert joined.read_at is not None


def test_a_push_that_failed_under_the_old_userid_is_tried_again(company, tag):
    reading(company, "LinMei")
    we_put(state="failed")
    rename(company)
    db.session.expire_all()
    assert db.session.scalars(select(Push)).one().state == "waiting"


def test_whoever_leaves_gets_no_pushes_and_keeps_their_history(company, tag):
    reading(company, "LinMei")
    we_put("et1")
    with writing() as session:
        session.add(
            ApiKey(company_id=company.id, hash="h", role="staff", corpid=CORP, userid="linmei", created_at=T0)
        )
    with writing() as session:
        touched = staff.left(session, company.id, CORP, "LINMEI", clock.now())
    assert touched != set()
    ended = one_relation()
    assert ended.status == "staff_left"
    assert db.session.scalars(select(Staff)).one().status == "left"
    assert db.session.scalars(select(Push)).one().state == "off"
    assert db.session.scalars(select(ApiKey)).one().revoked_at is not None
    with writing() as session:
        touch.want_push(session, company.id, touched)
    db.session.expire_all()
    assert db.session.scalars(select(Push)).one().state == "off"


def test_whoever_comes_back_and_adds_the_customer_begins_afresh(company, tag):
    reading(company, "LinMei")
    we_put("et1")
    with writing() as session:
        staff.left(session, company.id, CORP, "LinMei", clock.now())
    with writing() as session:
        staff.joined(session, company.id, CORP, "LinMei", name="林梅", departments=[7])
    back = db.session.scalars(select(Staff)).one()
    assert (back.status, back.name, back.departments) == ("active", "林梅", [7])
    reading(company, "LinMei")
    again = one_relation()
    assert (again.status, believed(again.id)) == ("active", {}), "nothing of the friendship before"
    assert db.session.scalars(select(Mark)).all() == [], "and no veto for what went with it"


def test_news_of_leaving_that_comes_late_does_not_end_a_newer_friendship(company, tag):
    reading(company, "LinMei")
    with writing() as session:
        staff.left(session, company.id, CORP, "LinMei", T0)
    assert one_relation().status == "active"
