"""The import of a corp: everyone once, their tags as they are, and whoever is missing is asked about."""

import pytest

from tests.importing.conftest import BATCH, CORP, ON_SQLITE, Town, crowd, friends
from tests.sandbox.conftest import World
from wxtag import library, touch
from wxtag.database import reading, writing
from wxtag.importing import run as imports
from wxtag.importing.work import hold, work
from wxtag.models import Company, Department, FollowUser, Identity, Staff


def test_everyone_is_there_once(world: World, town: Town) -> None:
    expected = crowd(world)
    both = friends(world, "Staff00", 10, "p1")  # customers of two members
    run = town.whole(town.corp)
    assert town.pairs() == sorted(expected + both)
    assert sorted(town.ids("external_userid")) == sorted({one for _, one in expected})
    assert run.counts["people"] == 510 and run.counts["asked"] == 0
    with reading() as session:
        people = session.query(Identity).filter_by(kind="external_userid").all()
        assert all(one.name and one.active for one in people)
        assert len({one.customer_id for one in people}) == 500
        members = {one.userid: one for one in session.query(Staff)}
        assert members["staff01"].name == "店员1" and members["staff01"].shown == "Staff01"
        assert session.query(Department).filter_by(corpid=CORP, number=1).one().name
    # The page told everything: nobody is asked about one by one.
    assert town.questions("contact") == set() and town.calls("externalcontact/get") == 0
    assert run.counts["calls"] <= 25


@ON_SQLITE
def test_the_same_again_changes_nothing(world: World, town: Town) -> None:
    crowd(world, 2, 30)
    town.whole(town.corp)
    before = [(r.id, r.userid, r.external_userid, r.status, r.added_at) for r in town.relations()]
    town.whole(town.corp)
    assert [(r.id, r.userid, r.external_userid, r.status, r.added_at) for r in town.relations()] == before
    assert town.messages() == 120


@ON_SQLITE
def test_the_inbox_does_not_grow_without_bound(
    world: World, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(world, 10, 40)
    monkeypatch.setattr("wxtag.importing.work.MOST_WAITING", 100)
    monkeypatch.setattr("wxtag.importing.work.NAP_SECONDS", 0.01)
    waits: list[int] = []
    run = town.begin(town.corp)
    with hold(run.account.id) as held:
        assert held is not None

        def tell(_run: imports.Run, _behind: int) -> None:
            waits.append(town.messages("new"))
            if len(waits) % 7 == 0:
                town.drain()

        work(run, held, tell)
    assert run.state == imports.DONE
    assert 100 < max(waits) <= 200 and waits.count(max(waits)) > 1, waits


@ON_SQLITE
def test_a_lapsed_cursor_begins_that_part_again(world: World, town: Town) -> None:
    expected = crowd(world, 2, 250)
    run, lapsed = town.begin(town.corp), 0

    def tell(run: imports.Run, _behind: int) -> None:
        """Once a page of the part has been read, and worked off, its cursor lapses; the second time too."""
        nonlocal lapsed
        town.drain()
        if run.cursor.get("cursor") and run.cursor.get("restarts", 0) == lapsed < 2:
            lapsed += 1
            world.faults({"platform": "wecom", "api": BATCH, "what": "error", "errcode": 50100, "count": 1})

    with hold(run.account.id) as held:
        assert held is not None
        work(run, held, tell)
    town.drain()
    assert run.state == imports.DONE and lapsed == 2 and run.counts["calls"] >= 9
    assert town.pairs() == expected and town.messages() == 500 and run.counts["people"] == 500


@ON_SQLITE
def test_busy_and_limited_platforms_are_waited_for(world: World, town: Town) -> None:
    expected = crowd(world, 3, 60)
    world.faults(
        {"platform": "wecom", "api": BATCH, "what": "error", "errcode": 45033, "count": 1},
    )
    run = town.whole(town.corp)
    assert town.pairs() == expected and run.tries == 0 and run.error is None


@ON_SQLITE
@pytest.mark.parametrize("parts", [1, 20])
def test_members_whose_contacts_are_not_told_are_named_and_the_rest_comes(
    world: World, town: Town, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among others a member without a licence is listed in the answer; alone it is an error (701008)."""
    monkeypatch.setattr("wxtag.importing.corp.PARTS", parts)
    expected = crowd(world, 3, 20)
    world.act("staff_update", userid="Staff01", licensed=False)
    run = town.whole(town.corp)
    assert town.pairs() == [pair for pair in expected if pair[0] != "staff01"]
    assert run.counts["skipped"] == ["Staff01"]


def test_who_was_not_met_is_asked_about(world: World, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wxtag.lookup.GRACE_MS", 0)
    crowd(world, 2, 5)
    town.whole(town.corp)
    world.act("staff_delete", person="p0-00000", userid="Staff00")
    lost = next(p for p in town.pairs() if p[1] == world.external("p0-00000"))
    run = town.whole(town.corp)
    assert run.counts["asked"] == 1 and town.questions("contact") == {lost[1]}
    assert lost in town.pairs(), "nobody is ended without having been asked about"
    town.settle()
    assert lost not in town.pairs() and len(town.pairs()) == 9


@ON_SQLITE
def test_tags_of_staff_stay_as_they_are(world: World, town: Town) -> None:
    crowd(world, 1, 3)
    theirs = world.act("admin_tag_create", group_name="会员等级", names=["金卡", "银卡"])["tag_ids"]
    world.act(
        "edit_contact", person="p0-00000", userid="Staff00", add_tags=[theirs["金卡"]], add_personal=["老友"]
    )
    town.whole(town.corp)
    key = ("staff00", world.external("p0-00000"), theirs["金卡"])
    assert town.tags() == [key] and town.tags(ours=True) == []
    town.settle()
    assert town.calls("externalcontact/mark_tag") == 0, "the first push after an import takes nothing off"
    # Taken off by staff, read again by another import: believed gone, and nothing is put back.
    world.act("edit_contact", person="p0-00000", userid="Staff00", remove_tags=[theirs["金卡"]])
    town.whole(town.corp)
    town.settle()
    assert town.tags() == [] and town.calls("externalcontact/mark_tag") == 0


@ON_SQLITE
def test_tags_with_the_name_of_ours_are_not_doubled_or_taken_off(world: World, town: Town) -> None:
    crowd(world, 1, 2)
    theirs = world.act("admin_tag_create", group_name="会员等级", names=["金卡"])["tag_ids"]
    world.act("edit_contact", person="p0-00000", userid="Staff00", add_tags=[theirs["金卡"]])
    with writing() as session:
        company = session.get(Company, town.company_id)
        assert company is not None
        library.load(
            session, company, "version: 1\ngroups:\n  - {path: 会员等级, tags: [{name: 金卡}]}\n", "test"
        )
        touch.want_library(session, company.id)
    town.whole(town.corp)
    town.settle()
    shown = {
        p["person"]: [t["name"] for t in p["tags"]]
        for p in world.control("GET", f"view/{CORP}/Staff00")["customers"]
    }
    assert shown["p0-00000"] == ["金卡"] and shown["p0-00001"] == []
    assert town.tags(ours=True) == []


@ON_SQLITE
def test_a_relation_that_ended_after_it_was_read_does_not_come_back(world: World, town: Town) -> None:
    """The page is older than what a callback said meanwhile."""
    crowd(world, 1, 2)
    run = town.begin(town.corp)
    town.whole(town.corp)
    with writing() as session:
        row = session.query(FollowUser).order_by(FollowUser.id).first()
        assert row is not None
        pair = (row.userid, row.external_userid)
        row.status, row.changed_at = "deleted_by_staff", row.changed_at + 3_600_000
    town.go_on(run)
    town.drain()
    assert pair not in town.pairs()
