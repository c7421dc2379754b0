"""The inbox: nothing lost, nothing doubled, in order for each person, tried again, replayed."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text

from tests.arriving import OFFICIAL, WECOM, arrive, bound, fan_event, record, wecom_event, xml
from wxtag import clock, drain, due, inbox
from wxtag.database import writing
from wxtag.events.decoded import Decoded
from wxtag.models import Account, InboxMessage, Seen, db


@pytest.fixture
def wecom(app, company):
    return bound(company, WECOM)


@pytest.fixture
def fans(app, company):
    return bound(company, OFFICIAL)


@pytest.fixture
def moment(monkeypatch):
    """A clock that stands until it is told to go on."""

    class Moment:
        now = 1_790_000_000_000

        def pass_ms(self, ms):
            self.now += ms

    made = Moment()
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


class Work:
    """What the line does with a message: notes it, or fails as it was told."""

    def __init__(self):
        self.done, self.fails, self.what = [], {}, {}

    def meaning(self, message, reading):
        content = reading.content
        person = content.get("ExternalUserID") or content.get("FromUserName")
        self.what[message.id] = (person, content.get("ChangeType") or content.get("Event"))
        return Decoded()

    def do(self, session, company_id, meant):
        whats = [self.what[one.message_id] for one in meant]
        for what in whats:
            if self.fails.get(what, 0) > 0:
                if len(whats) == 1:
                    self.fails[what] -= 1
                raise RuntimeError("not now")
        self.done += whats

    def drain(self):
        return drain.drain(self.meaning, self.do)


def states():
    return list(db.session.scalars(select(InboxMessage.state).order_by(InboxMessage.id)))


def test_the_same_message_encrypted_anew_has_one_effect(wecom):
    work = Work()
    arrive(wecom, *[wecom_event("add_external_contact")] * 3)
    work.drain()
    arrive(wecom, wecom_event("add_external_contact"))
    work.drain()
    assert work.done == [("wmLin", "add_external_contact")]
    assert states() == ["done", "duplicate", "duplicate", "duplicate"]


def test_the_same_event_at_two_apps_of_one_corp_has_one_effect(wecom, company):
    other = bound(company, {**WECOM, "agentid": 1000002})
    work = Work()
    arrive(wecom, wecom_event("add_external_contact", AgentID="1000001"))
    arrive(other, wecom_event("add_external_contact", AgentID="1000002"))
    work.drain()
    assert len(work.done) == 1


@pytest.mark.parametrize(
    "two",
    [
        [wecom_event("add_external_contact", "wmOne"), wecom_event("add_external_contact", "wmTwo")],
        [wecom_event("add_external_contact", "wmAbC"), wecom_event("add_external_contact", "wmabc")],
        [
            wecom_event("edit_external_contact", userid="Zhao"),
            wecom_event("edit_external_contact", userid="Chen"),
        ],
        [
            xml(
                ToUserName=WECOM["corpid"],
                FromUserName="sys",
                CreateTime=1_790_000_000,
                MsgType="event",
                Event="change_external_tag",
                Id=i,
                TagType="tag",
                ChangeType="create",
            )
            for i in ("et1", "et2")
        ],
        [
            xml(FromUserName="o", CreateTime=1_790_000_000, MsgType="text", MsgId=7, Content=c)
            for c in ("one", "two")
        ],
    ],
    ids=["two customers", "ids by case", "two members", "tags of a new group", "one MsgId, two texts"],
)
def test_two_events_of_one_second_both_count(wecom, fans, two):
    work = Work()
    arrive(wecom if "sys" in two[0] else fans, *two)
    work.drain()
    assert len(work.done) == 2


def test_a_message_that_failed_is_tried_again_and_its_copy_is_not_eaten(wecom, moment):
    work = Work()
    work.fails[("wmLin", "add_external_contact")] = 1
    arrive(wecom, wecom_event("add_external_contact"))
    work.drain()
    assert (work.done, states()) == ([], ["new"])
    assert db.session.scalar(select(Seen)) is None
    moment.pass_ms(1000)
    arrive(wecom, wecom_event("add_external_contact"))
    work.drain()
    assert work.done == [("wmLin", "add_external_contact")]
    assert states() == ["done", "duplicate"]


def test_the_later_messages_of_a_person_wait_for_the_earlier_and_nobody_else_does(wecom, moment):
    work = Work()
    work.fails[("wmLin", "add_external_contact")] = 2
    arrive(
        wecom,
        wecom_event("add_external_contact"),
        wecom_event("edit_external_contact"),
        wecom_event("add_external_contact", "wmWang"),
    )
    work.drain()
    assert work.done == [("wmWang", "add_external_contact")]
    for _ in range(6):
        moment.pass_ms(1000)
        work.drain()
    assert work.done[1:] == [("wmLin", "add_external_contact"), ("wmLin", "edit_external_contact")]


def test_what_fails_for_good_says_why_and_lets_the_next_ones_pass(wecom, moment):
    work = Work()
    work.fails[("wmLin", "add_external_contact")] = 10_000
    arrive(wecom, wecom_event("add_external_contact"), wecom_event("edit_external_contact"))
    for _ in range(drain.MAX_TRIES + 1):
        moment.pass_ms(200_000)
        work.drain()
    assert states() == ["failed", "done"]
    failed = db.session.scalars(select(InboxMessage).where(InboxMessage.state == "failed")).one()
    assert (failed.error, failed.tries) == ("RuntimeError: not now", drain.MAX_TRIES)


def test_what_failed_can_be_replayed(wecom, moment, company):
    work = Work()
    work.fails[("wmLin", "add_external_contact")] = drain.MAX_TRIES
    arrive(wecom, wecom_event("add_external_contact"))
    for _ in range(drain.MAX_TRIES + 1):
        moment.pass_ms(200_000)
        work.drain()
    with writing() as session:
        assert inbox.replay(session, company.id, failed=True) == 1
    work.drain()
    assert (work.done, states()) == ([("wmLin", "add_external_contact")], ["done"])


def test_a_period_can_be_replayed(wecom, company):
    work = Work()
    for hour in range(4):
        arrive(
            wecom,
            wecom_event("add_external_contact", f"wm{hour}"),
            at=1_790_000_000_000 + hour * 3_600_000,
        )
    work.drain()
    with writing() as session:
        again = inbox.replay(
            session, company.id, since=1_790_000_000_000 + 3_600_000, until=1_790_000_000_000 + 7_200_000
        )
    work.drain()
    assert again == 2
    assert [who for who, _ in work.done] == ["wm0", "wm1", "wm2", "wm3", "wm1", "wm2"]


def test_a_worker_that_died_loses_nothing(wecom, moment):
    arrive(wecom, wecom_event("add_external_contact"))
    due.claim("a worker that dies now", 10)
    work = Work()
    assert work.drain() == 0
    moment.pass_ms(due.CLAIM_MS)
    work.drain()
    assert len(work.done) == 1


def test_records_of_the_spool_taken_in_twice_are_one_message(wecom):
    one = record(wecom, wecom_event("add_external_contact"))
    assert [inbox.accept([("segment:0", one)]), inbox.accept([("segment:0", one)])] == [1, 0]


def test_a_message_is_kept_as_it_came_and_plain_ones_are_sealed(wecom, company):
    plain = bound(company, {**OFFICIAL, "appid": "wx5c0ffee5c0ffee04", "mode": "plain", "aes_key": ""})
    body = fan_event("LOCATION", openid="oSecretPerson", Latitude="30.2741", Longitude="120.1551").encode()
    signed = record(plain, "<xml/>") if plain.aes_key else replace(record(wecom, "<xml/>"), body=body)
    signed = replace(signed, account_id=plain.id, body=body)
    inbox.accept([("segment:1", signed)])
    row = db.session.scalars(select(InboxMessage)).one()
    assert row.sealed
    assert b"oSecretPerson" not in db.session.execute(text("SELECT body FROM inbox_messages")).scalar_one()
    assert "oSecretPerson" not in row.person_hash
    arrive(wecom, wecom_event("add_external_contact"))
    kept = db.session.scalars(select(InboxMessage).order_by(InboxMessage.id.desc())).first()
    assert not kept.sealed and kept.body.startswith(b"<xml><ToUserName>") and b"<Encrypt>" in kept.body


def test_content_older_than_raw_messages_are_kept_has_no_effect(wecom):
    work = Work()
    arrive(wecom, wecom_event("add_external_contact", at=1_790_000_000 - 91 * 86_400))
    work.drain()
    assert (work.done, states()) == ([], ["ignored"])


def test_old_messages_are_forgotten_with_what_was_remembered_of_them(wecom, moment):
    arrive(wecom, wecom_event("add_external_contact"))
    Work().drain()
    moment.pass_ms(91 * clock.DAY_MS)
    with writing() as session:
        assert inbox.forget_old(session, 0) == 0
        assert inbox.forget_old(session, 90) == 1
    assert (states(), db.session.scalar(select(Seen))) == ([], None)


def test_the_account_knows_when_it_was_last_called(wecom):
    arrive(wecom, wecom_event("add_external_contact"), at=1_790_000_123_000)
    assert db.session.get(Account, wecom.id).last_callback_at == 1_790_000_123_000
