"""The import of an Official Account: every fan once, with the unionid, whatever the list and the quota do."""

import pytest
from sqlalchemy import select

from tests.importing.conftest import CORP, OA, ON_SQLITE, Town, fans, friends, many_fans
from tests.sandbox.conftest import World
from wxtag.database import reading, writing
from wxtag.importing import rounds
from wxtag.importing import run as imports
from wxtag.importing.work import hold, work
from wxtag.models import Identity, Import

GET, BATCHGET = "user/get", "user/info/batchget"


def people(world: World, count: int, prefix: str = "f") -> list[str]:
    """Known to the world, and customers of nobody but one member."""
    friends(world, "ZhaoMin", count, prefix)
    return [f"{prefix}-{number:05d}" for number in range(count)]


@ON_SQLITE
@pytest.mark.parametrize("shape", ["last_openid", "empty"])
def test_every_fan_is_there_once_whatever_ends_the_list(world: World, town: Town, shape: str) -> None:
    world.switches({"wechat.user_get_page_size": 150, "wechat.user_get_end_shape": shape})
    expected = many_fans(world, 310)
    run = town.whole(town.official)
    assert sorted(town.ids("openid", scope=OA, active=True)) == sorted(expected)
    assert town.messages() == 310 and run.counts["people"] == run.counts["total"] == 310
    assert len(town.ids("unionid")) == 310
    assert town.calls(BATCHGET) == 5 and town.calls("user/info") == 0


def test_a_fan_and_a_contact_with_one_unionid_become_one_customer(world: World, town: Town) -> None:
    names = people(world, 20)
    expected = fans(world, names[:12])
    town.whole(town.official)
    town.whole(town.corp)
    with reading() as session:
        by_value = {one.value: one.customer_id for one in session.scalars(select(Identity))}
    known = {p["id"]: p for p in world.control("GET", "people")["people"]}
    for name, openid in zip(names[:12], expected, strict=True):
        ids = {by_value[openid], by_value[known[name]["external_userids"][CORP]]}
        ids.add(by_value[known[name]["unionids"]["sandbox-open"]])
        assert len(ids) == 1, name
    assert len({by_value[known[name]["external_userids"][CORP]] for name in names}) == 20


@ON_SQLITE
def test_an_empty_account_is_done_at_once(world: World, town: Town) -> None:
    run = town.whole(town.official)
    assert run.counts["total"] == 0 and town.messages() == 0


@ON_SQLITE
def test_a_used_up_day_is_waited_for_and_the_worker_goes_on(
    world: World, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.switches({f"wechat.quota.{BATCHGET}": 2})
    expected = many_fans(world, 250)
    run = town.go_on(town.begin(town.official))
    assert run.state == imports.WAITING and run.error and "45009" in run.error
    assert run.counts["people"] == 200, "what was read is kept"
    assert rounds.go_on(lambda: True) == 0, "not before the platform's day ends"
    with writing() as session:
        row = session.get(Import, run.id)
        assert row is not None and 0 < row.resume_at - row.changed_at <= 86_460_000 + 1000
        row.resume_at = 0
    world.switches({f"wechat.quota.{BATCHGET}": 500})
    for _ in range(8):
        rounds.go_on(lambda: True)
        town.drain()
        with writing() as session:
            row = session.get(Import, run.id)
            assert row is not None
            row.resume_at = 0
            if row.state == imports.DONE:
                break
    assert row.state == imports.DONE
    assert sorted(town.ids("openid", scope=OA, active=True)) == sorted(expected)
    assert town.messages() == 250 and len(set(expected)) == 250


@ON_SQLITE
def test_who_left_between_the_list_and_the_question_is_gone(world: World, town: Town) -> None:
    names = people(world, 5)
    expected = fans(world, names)
    run = town.begin(town.official)
    seen: list[str] = []

    def between(_run: imports.Run, _behind: int) -> None:
        if not seen and _run.plan:
            seen.append(world.openid(names[2]))
            world.act("unfollow", person=names[2])
        town.drain()

    with hold(run.account.id) as held:
        assert held is not None
        work(run, held, between)
    town.drain()
    assert sorted(town.ids("openid", scope=OA, active=True)) == sorted(set(expected) - set(seen))
    assert town.ids("openid", scope=OA, active=False) == seen


@ON_SQLITE
def test_one_foreign_openid_does_not_fail_the_others(
    world: World, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails the whole call with 40003, and another report puts the most at 50 instead of 100."""
    world.switches({"wechat.batchget_max": 50})
    expected = many_fans(world, 60)
    run = town.begin(town.official)
    run.plan, run.cursor = [*expected[:31], world.openid("lin", "wx5a17d0c0ffee0b01"), *expected[31:]], {
        "at": 0, "last": True,
    }  # fmt: skip
    town.go_on(run)
    town.drain()
    assert sorted(town.ids("openid", scope=OA, active=True)) == sorted(expected)
    assert len(town.ids("openid", scope=OA, active=False)) == 1


@ON_SQLITE
def test_a_fan_whom_the_list_no_longer_names_is_asked_about(world: World, town: Town) -> None:
    names = people(world, 6)
    expected = fans(world, names)
    town.whole(town.official)
    world.act("unfollow", person=names[0])
    run = town.whole(town.official)
    assert run.counts["asked"] == 1 and town.questions("user_info") == {expected[0]}
    assert expected[0] in town.ids("openid", active=True)
    town.settle()
    assert town.ids("openid", scope=OA, active=False) == [expected[0]]


@ON_SQLITE
def test_the_cursor_of_a_fan_who_left_begins_the_list_again(world: World, town: Town) -> None:
    """Whoever was asked about already is not asked about again: calls are counted by the day."""
    world.switches({"wechat.user_get_page_size": 100})
    expected = many_fans(world, 150)
    run, refused = town.begin(town.official), False

    def tell(run: imports.Run, _behind: int) -> None:
        nonlocal refused
        town.drain()
        if not refused and run.cursor.get("next") and run.cursor["at"] >= 100:
            refused = True
            world.faults({"platform": "wechat", "api": GET, "what": "error", "errcode": 40003, "count": 1})

    with hold(run.account.id) as held:
        assert held is not None
        work(run, held, tell)
    town.drain()
    assert run.state == imports.DONE and refused
    assert sorted(town.ids("openid", scope=OA, active=True)) == sorted(expected)
    assert run.counts["people"] == 150 and town.calls(BATCHGET) == 2 and town.messages() == 150
