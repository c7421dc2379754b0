"""What a message does besides: fields withdrawn, consents kept, staff who come, are renamed, and leave."""

import pytest
from sqlalchemy import select

from tests.arriving import arrive, fan_event, wecom_event, xml
from tests.callbacks import playing
from tests.town import PHONE, Town
from wxtag.database import writing
from wxtag.models import Consent, Event, Field, FollowUser, Identity, Push, Staff, db


@pytest.fixture
def town(app, company):
    made = Town(company)
    made.comes()
    return made


def revokes(town, account, openid, codes, event="user_authorization_revoke"):
    news = xml(
        ToUserName="gh_0a1b2c3d4e5f",
        FromUserName="oPush",
        CreateTime=playing.NOW + 50,
        MsgType="event",
        Event=event,
        OpenID=openid,
        AppID=account.appid,
        RevokeInfo=codes,
    )
    arrive(account, news)
    town.works()


def test_a_withdrawn_phone_is_gone_wherever_it_came_from(town):
    town.says(town.mp, "mini", "phone", {"openid": "oMini", "phone": PHONE})
    town.works()
    revokes(town, town.mp, "oMini", "8")
    assert town.ids() == {"oLin", "oWang", "oMini", "uLin", "wmLin"}
    assert PHONE not in town.everything()
    said = db.session.scalars(select(Consent)).one()
    assert (said.kind, said.given) == ("phone", False)
    town.replays()
    assert town.ids() == {"oLin", "oWang", "oMini", "uLin", "wmLin"}
    assert len({town.customer(one) for one in ("oLin", "oMini", "uLin", "wmLin")}) == 1


def test_a_phone_that_somebody_else_told_too_stays_theirs(town):
    town.says(town.mp, "mini", "login", {"openid": "oOther", "unionid": "uLin"})
    town.says(town.mp, "mini", "phone", {"openid": "oOther", "phone": PHONE})
    town.works()
    revokes(town, town.mp, "oMini", "8")
    assert "phone" in town.ids()
    revokes(town, town.mp, "oOther", "8")
    assert "phone" not in town.ids()


def test_a_withdrawn_name_is_gone_and_older_answers_do_not_bring_it_back(town):
    assert "林小满" in town.everything()
    revokes(town, town.oa, "oLin", "205")
    assert "林小满" not in town.everything()
    town.says(town.oa, "lookup", "user_info", town.fan())
    town.works()
    assert db.session.scalars(select(Identity.name).where(Identity.value == "oLin")).one() == ""
    town.replays()
    assert db.session.scalars(select(Identity.name).where(Identity.value == "oLin")).one() == ""
    assert "满满" in town.everything(), "what the member sees in WeCom is not the account's"


def test_a_withdrawn_place_takes_the_events_that_told_it(town):
    arrive(town.oa, fan_event("LOCATION", Latitude="30.2741", Longitude="120.1551", Precision="65"))
    town.works()
    assert db.session.scalars(select(Event.place).where(Event.place.is_not(None))).all() == ["330100"]
    revokes(town, town.oa, "oLin", "206")
    town.replays()
    assert db.session.scalars(select(Event.place).where(Event.place.is_not(None))).all() == []
    assert "30.2741" not in town.everything()


def test_a_withdrawn_field_goes_from_that_id_only(town):
    with writing() as session:
        for value in ("oMini", "oLin"):
            row = session.scalars(select(Identity).where(Identity.value == value)).one()
            session.add(
                Field(
                    company_id=town.id, identity_id=row.id, name="email", value=f"{value}@example.com", at=1
                )
            )
    revokes(town, town.mp, "oMini", "16")
    db.session.rollback()
    assert db.session.scalars(select(Field.value)).all() == ["oLin@example.com"]


def test_what_a_customer_agreed_to_is_kept_once(town):
    for _ in range(2):
        arrive(town.corp, wecom_event("msg_audit_approved", at=playing.NOW - 3))
        town.works()
        town.replays()
    said = db.session.scalars(select(Consent)).one()
    assert (said.kind, said.given, said.at) == ("archive", True, (playing.NOW - 3) * 1000)


def directory(change, userid, **more):
    return xml(
        ToUserName=playing.CORP,
        FromUserName="sys",
        CreateTime=playing.NOW + 5,
        MsgType="event",
        Event="change_contact",
        ChangeType=change,
        UserID=userid,
        **more,
    )


def relation():
    db.session.rollback()
    one = db.session.scalars(select(FollowUser)).one()
    return (one.userid, one.status, db.session.get(Push, one.id).state)


def test_the_directory_renames_and_removes_members_in_order(town):
    arrive(town.corp, directory("create_user", "Chen", Name="陈宇", Department="1,7"))
    arrive(town.corp, directory("update_user", "Zhao", NewUserID="Zhao2"))
    town.works()
    staff = {one.userid: (one.status, one.name) for one in db.session.scalars(select(Staff))}
    assert staff == {"chen": ("active", "陈宇"), "zhao2": ("active", "")}
    assert relation() == ("zhao2", "active", "waiting")
    arrive(town.corp, directory("delete_user", "Zhao2"))
    town.works()
    assert relation() == ("zhao2", "staff_left", "off")
    town.replays()
    assert relation()[0] == "zhao2"


def test_who_goes_out_of_the_apps_range_has_not_left(town):
    def news(event):
        return xml(
            ToUserName=playing.CORP,
            FromUserName="Zhao",
            CreateTime=playing.NOW + 5,
            MsgType="event",
            Event=event,
            AgentID="1000001",
        )

    arrive(town.corp, news("unsubscribe"))
    town.works()
    assert db.session.scalars(select(Staff.status)).all() == ["out_of_range"]
    assert relation() == ("zhao", "active", "waiting")
    with writing() as session:
        session.scalars(select(Push)).one().state = "failed"
    arrive(town.corp, news("subscribe"))
    town.works()
    assert db.session.scalars(select(Staff.status)).all() == ["active"]
    assert relation() == ("zhao", "active", "waiting")


def test_a_transfer_ends_one_relation_and_begins_another(town):
    arrive(
        town.corp,
        wecom_event("del_external_contact", at=playing.NOW + 5, Source="DELETE_BY_TRANSFER"),
        wecom_event("add_external_contact", userid="Chen", at=playing.NOW + 6),
    )
    town.works()
    found = {one.userid: one.status for one in db.session.scalars(select(FollowUser))}
    assert found == {"zhao": "transferred", "chen": "active"}
    kinds = set(db.session.scalars(select(Event.kind)))
    assert "handed_over" in kinds
    assert "deleted_by_staff" not in kinds


def test_a_transfer_that_failed_leaves_the_old_relation(town):
    arrive(
        town.corp,
        wecom_event("transfer_fail", at=playing.NOW + 5, FailReason="customer_refused", userid="Chen"),
    )
    town.works()
    assert relation() == ("zhao", "active", "waiting")
