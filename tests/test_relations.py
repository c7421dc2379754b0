"""What a reading of a relation tells: what is theirs, what is ours, what was done by hand, who is gone."""

import pytest
from sqlalchemy import select

from tests.people import CORP, standing_tag
from wxtag import clock
from wxtag.database import writing
from wxtag.events.decoded import AllRelations, Decoded, Relation
from wxtag.models import (
    CustomerTag,
    FollowUser,
    Identity,
    Mark,
    Push,
    RelationTag,
    RuleVersion,
    db,
)
from wxtag.resolve import apply
from wxtag.tags.effective import wanted

T0 = 1_790_000_000_000


@pytest.fixture
def tag(app, company):
    """Our tag 高意向, which stands as et1 in the corp's library."""
    return standing_tag(company.id, T0)


def news(company, at=T0, everything=False, external="wmLin", userid="ZhaoMin", **more):
    decoded = Decoded(
        relations=[Relation(CORP, userid, external, at=at, **more)],
        all_relations=[AllRelations(CORP, external, at)] if everything else [],
    )
    with writing() as session:
        return apply(session, company.id, decoded, 1)


def reading(company, *tags, at=None):
    return news(company, at or clock.now(), True, status="active", added_at=T0, tags=tags)


def relation():
    return db.session.scalars(select(FollowUser)).one()


def believed():
    rows = db.session.execute(select(RelationTag.wecom_id, RelationTag.ours).order_by(RelationTag.wecom_id))
    return dict(rows.all())


def want():
    one = relation()
    return wanted(db.session(), one.company_id, [one.id])[one.id]


def we_put(wecom_id, at):
    one = relation()
    with writing() as session:
        session.add(
            RelationTag(company_id=one.company_id, follow_user_id=one.id, wecom_id=wecom_id, ours=True, at=at)
        )


def test_what_is_there_at_the_first_reading_is_theirs(app, company, tag):
    news(company, status="active")
    reading(company, "et1", "etForeign")
    assert believed() == {"et1": False, "etForeign": False}
    assert relation().read_at is not None
    (mark,) = db.session.scalars(select(Mark))
    assert (mark.tag_id, mark.source, mark.actor, mark.follow_user_id) == (
        tag,
        "wecom",
        "ZhaoMin",
        relation().id,
    )


def test_what_staff_put_on_later_is_theirs_too_and_ends_when_they_take_it_off(app, company, tag):
    reading(company)
    reading(company, "et1")
    assert (believed(), want()) == ({"et1": False}, {tag})
    reading(company)
    assert (believed(), want()) == ({}, set())


def test_what_we_put_by_a_rule_and_staff_take_off_is_a_veto(app, company, tag):
    reading(company)
    with writing() as session:
        rule = RuleVersion(company_id=company.id, tag_id=tag, version=1, tree={}, actor="admin", at=T0)
        session.add(rule)
        session.flush()
        session.add(
            CustomerTag(
                company_id=company.id,
                customer_id=session.scalars(select(Identity.customer_id)).one(),
                tag_id=tag,
                rule_version_id=rule.id,
                text="因为规则",
                since=T0,
            )
        )
    we_put("et1", clock.now())
    assert want() == {tag}
    clock.sleep(0.002)
    reading(company)
    assert (believed(), want()) == ({}, set())
    (mark,) = db.session.scalars(select(Mark))
    assert (mark.verb, mark.actor, mark.follow_user_id) == ("veto", "ZhaoMin", relation().id)


def test_a_reading_from_before_our_push_takes_nothing_back(app, company, tag):
    reading(company)
    asked = clock.now()
    clock.sleep(0.002)
    we_put("et1", clock.now())
    reading(company, at=asked)
    assert believed() == {"et1": True}
    assert list(db.session.scalars(select(Mark))) == []


def test_after_a_lost_answer_the_intent_tells_what_is_ours(app, company, tag):
    reading(company)
    with writing() as session:
        push = session.scalars(select(Push)).one()
        push.intent = {"add": ["et1"], "remove": [], "at": clock.now()}
    clock.sleep(0.002)
    reading(company, "et1", "etByStaff")
    assert believed() == {"et1": True, "etByStaff": False}
    assert list(db.session.scalars(select(Mark))) == []


def test_a_reading_asked_before_the_intent_says_nothing(app, company, tag):
    reading(company)
    asked = clock.now()
    with writing() as session:
        session.scalars(select(Push)).one().intent = {"add": ["et1"], "remove": [], "at": asked + 5}
    reading(company, "et1", at=asked)
    assert believed() == {}


def test_a_relation_that_the_full_answer_leaves_out_is_over(app, company, tag):
    reading(company, "et1")
    news(company, clock.now() + 10, True, userid="ChenYu", status="active", tags=())
    rows = {row.userid: row.status for row in db.session.scalars(select(FollowUser))}
    assert rows == {"zhaomin": "deleted_by_staff", "chenyu": "active"}
    states = {row.follow_user_id: row.state for row in db.session.scalars(select(Push))}
    assert sorted(states.values()) == ["off", "waiting"]
    assert {tag.follow_user_id for tag in db.session.scalars(select(RelationTag))} <= {
        row.id for row in db.session.scalars(select(FollowUser)) if row.userid == "zhaomin"
    }, "kept only in case the member was renamed; cleared when the friendship begins again"


def test_a_friendship_that_begins_again_is_read_before_it_is_pushed(app, company, tag):
    reading(company, "et1")
    news(company, clock.now() + 10, status="deleted_by_staff")
    assert relation().read_at is None
    news(company, clock.now() + 20, status="active", added_at=clock.now() + 20)
    assert (db.session.scalars(select(Push)).one().state, relation().read_at) == ("waiting", None)


def test_the_customer_ended_it_and_a_reading_does_not_bring_it_back(app, company):
    news(company, T0, status="active", added_at=T0)
    news(company, T0 + 1000, status="deleted_by_customer")
    reading(company, at=T0 + 2000)
    assert relation().status == "deleted_by_customer"
    news(company, T0 + 3000, status="active", added_at=T0 + 3000)
    assert relation().status == "active"


def test_old_news_does_not_undo_newer_news(app, company):
    news(company, T0 + 1000, status="deleted_by_staff")
    news(company, T0, status="active")
    assert relation().status == "deleted_by_staff"


def test_userids_compare_without_case_and_external_userids_with_it(app, company):
    news(company, userid="ZhaoMin", external="wmAbC", status="active")
    news(company, userid="zhaomin", external="wmAbC", status="active")
    news(company, userid="zhaomin", external="wmabc", status="active")
    assert sorted(row.external_userid for row in db.session.scalars(select(FollowUser))) == ["wmAbC", "wmabc"]
    assert db.session.query(Identity).count() == 2
