"""The daily poll: who is new, who is gone, and who only has another userid."""

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from tests.importing.conftest import CORP, ON_SQLITE, Town, crowd, friends
from tests.sandbox.conftest import World
from wxtag import clock
from wxtag.database import reading, writing
from wxtag.importing import rounds, staff_poll
from wxtag.models import FollowUser, Import, Staff

pytestmark = ON_SQLITE


def members(status: str = "active") -> set[str]:
    with reading() as session:
        return set(session.scalars(select(Staff.userid).where(Staff.status == status)))


def known(world: World, town: Town) -> list[tuple[str, str]]:
    """Three members with customers, imported, and polled once."""
    pairs = crowd(world, 3, 6)
    town.whole(town.corp)
    staff_poll.poll(town.corp.id)
    return pairs


def test_a_renamed_member_keeps_the_customers(world: World, town: Town) -> None:
    before = known(world, town)
    ids = {r.external_userid: r.id for r in town.relations()}
    world.act("staff_update", userid="Staff01", new_userid="Staff01New")
    assert staff_poll.poll(town.corp.id) == {"joined": 0, "left": 0, "renamed": 1}
    town.settle()
    expected = sorted((userid.replace("staff01", "staff01new"), one) for userid, one in before)
    assert town.pairs() == expected and {r.external_userid: r.id for r in town.relations()} == ids
    assert "staff01" not in members() | members("left") and "staff01new" in members()
    assert staff_poll.poll(town.corp.id) == {"joined": 0, "left": 0, "renamed": 0}


def test_a_leaver_ends_and_whoever_takes_over_is_somebody_else(
    world: World, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wxtag.lookup.GRACE_MS", 0)
    before = known(world, town)
    mine = [one for userid, one in before if userid == "staff01"]
    world.act("staff_leave", userid="Staff01")
    # The successor has the same name, and the customers, but was given them just now.
    world.act("staff_create", userid="Heir", name="店员1")
    for number, _ in enumerate(mine):
        world.act("add_friend", person=f"p1-{number:05d}", userid="Heir", add_way=202, by="staff")
    assert staff_poll.poll(town.corp.id) == {"joined": 1, "left": 1, "renamed": 0}
    assert town.questions("contact") == set(mine), "every known customer of the leaver is read again"
    town.settle()
    assert sorted(one for userid, one in town.pairs() if userid == "heir") == sorted(mine)
    assert [pair for pair in town.pairs() if pair[0] == "staff01"] == []
    assert "staff01" in members("left") and "heir" in members()


def test_a_new_member_comes_with_the_customers(world: World, town: Town) -> None:
    before = known(world, town)
    world.act("staff_create", userid="Newcomer", name="新来")
    theirs = friends(world, "Newcomer", 4, "n")
    assert staff_poll.poll(town.corp.id) == {"joined": 1, "left": 0, "renamed": 0}
    town.drain()
    assert town.pairs() == sorted(before + theirs)


def test_out_of_range_is_not_gone(world: World, town: Town) -> None:
    known(world, town)
    world.control("PUT", f"accounts/{CORP}/settings", {"visible": ["Staff00", "Staff02"]})
    assert staff_poll.poll(town.corp.id)["left"] == 0
    assert "staff01" in members() and len(town.questions("contact")) == 6


def test_it_is_due_once_a_day_and_a_platform_that_is_away_is_asked_again(
    world: World, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    with reading() as session:
        assert staff_poll.due(session, now) == [], "an account that was bound today waits for the night"
        assert staff_poll.due(session, now + clock.DAY_MS) == [town.corp.id]
    api = "externalcontact/get_follow_user_list"
    world.faults({"platform": "wecom", "api": api, "what": "http_500", "rate": 1})
    monkeypatch.setattr(staff_poll, "due", lambda _session, _now: [town.corp.id])
    assert rounds.go_on(lambda: True) == 0
    with writing() as session:
        row = session.query(Import).filter_by(kind="staff").one()
        assert row.error and now < row.resume_at < now + clock.DAY_MS
    world.faults()
    assert rounds.go_on(lambda: True) == 1
    monkeypatch.undo()
    with reading() as session:
        assert staff_poll.due(session, clock.now()) == []
        assert staff_poll.due(session, now + clock.DAY_MS) == [town.corp.id]
        assert {"zhaomin", "chenyu"} <= members()


def test_a_callback_that_came_first_makes_no_second_relation(world: World, town: Town, app: APIFlask) -> None:
    """A reading under the new userid may come before the poll; both rows become one."""
    known(world, town)
    world.act("staff_update", userid="Staff01", new_userid="Staff01New")
    town.whole(town.corp)
    assert len([r for r in town.relations() if r.userid == "staff01new"]) == 6
    assert staff_poll.poll(town.corp.id)["renamed"] == 1
    town.settle()
    with reading() as session:
        assert session.query(FollowUser).count() == 18
