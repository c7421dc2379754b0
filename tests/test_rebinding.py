"""An account bound to another Open Platform account: old unionids stay, new ones are asked for, nobody is
joined wrongly."""

import json

import pytest
from sqlalchemy import select

from tests.arriving import OFFICIAL, WECOM, arrive, bound, wecom_event
from tests.people import partition
from workers import jobs
from wxtag import clock, inbox
from wxtag.database import writing
from wxtag.drain import drain
from wxtag.models import Conflict, InboxMessage, Lookup, db
from wxtag.spooling import SpoolRecord


def work_off():
    drain(jobs._meaning, jobs._take_in)


def answer(account, openid, unionid, at):
    body = {
        "subject": openid,
        "asked_at": at,
        "answer": {"openid": openid, "subscribe": 1, "unionid": unionid},
    }
    inbox.accept(
        [
            (
                f"{openid}:{unionid}:{at}",
                SpoolRecord(
                    account_id=account.id,
                    company_id=account.company_id,
                    source="lookup",
                    event="user_info",
                    body=json.dumps(body).encode(),
                    received_at=at,
                ),
            )
        ]
    )
    work_off()


@pytest.fixture
def lin_and_wang(company):
    """Two fans whose unionids are known under open-1; then the account moves to open-2."""
    account, began = bound(company, OFFICIAL), clock.now()
    answer(account, "oLin", "u1Lin", began)
    answer(account, "oWang", "u1Wang", began)
    return account, began


def together(company):
    return {frozenset(one.split(":", 1)[1] for one in group) for group in partition(db.session(), company.id)}


def test_everyone_is_asked_again_spread_out(company, lin_and_wang, monkeypatch):
    account, began = lin_and_wang
    monkeypatch.setattr(clock, "now", lambda: began + 5000)
    bound(company, {**OFFICIAL, "open_platform": "open-2"})
    asked = db.session.scalars(select(Lookup).order_by(Lookup.next_try_at)).all()
    assert [(row.account_id, row.kind, row.subject) for row in asked] == [
        (account.id, "user_info", "oLin"),
        (account.id, "user_info", "oWang"),
    ]
    assert asked[1].next_try_at > asked[0].next_try_at
    bound(company, {**OFFICIAL, "open_platform": "open-2"})
    assert len(db.session.scalars(select(Lookup)).all()) == 2, "bound again to the same: nothing is asked"


def test_a_person_known_under_both_is_one_and_nobody_else_is_joined(company, lin_and_wang, monkeypatch):
    _, began = lin_and_wang
    monkeypatch.setattr(clock, "now", lambda: began + 5000)
    moved = bound(company, {**OFFICIAL, "open_platform": "open-2"})
    monkeypatch.setattr(clock, "now", lambda: began + 9000)
    answer(moved, "oLin", "u2Lin", began + 8000)
    # By chance Wang's new unionid looks like Lin's old one: another Open Platform account, another person.
    answer(moved, "oWang", "u1Lin", began + 8000)
    lin = {f"{OFFICIAL['appid']}:oLin", "open-1:u1Lin", "open-2:u2Lin"}
    wang = {f"{OFFICIAL['appid']}:oWang", "open-1:u1Wang", "open-2:u1Lin"}
    assert together(company) == {frozenset(lin), frozenset(wang)}
    assert db.session.scalars(select(Conflict)).all() == []


def test_an_answer_to_an_older_question_is_read_as_of_its_time(company, lin_and_wang, monkeypatch):
    _, began = lin_and_wang
    monkeypatch.setattr(clock, "now", lambda: began + 5000)
    moved = bound(company, {**OFFICIAL, "open_platform": "open-2"})
    answer(moved, "oMei", "u1Mei", began + 4000)
    before = together(company)
    assert frozenset({f"{OFFICIAL['appid']}:oMei", "open-1:u1Mei"}) in before
    with writing() as session:
        inbox.replay(session, company.id)
    work_off()
    assert together(company) == before
    assert {row.state for row in db.session.scalars(select(InboxMessage))} == {"done"}


def test_the_apps_of_one_corp_ask_once(company):
    first = bound(company, WECOM)
    bound(company, {**WECOM, "agentid": 1000009})
    arrive(first, wecom_event("add_external_contact"))
    work_off()
    with writing() as session:
        session.query(Lookup).delete()
    bound(company, {**WECOM, "open_platform": "open-2"})
    bound(company, {**WECOM, "agentid": 1000009, "open_platform": "open-2"})
    (asked,) = db.session.scalars(select(Lookup)).all()
    assert (asked.account_id, asked.kind, asked.subject) == (first.id, "contact", "wmLin")
