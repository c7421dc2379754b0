"""The jobs do the work of all companies, each with its own accounts, and mix nothing."""

import inspect

import pytest
from apiflask import APIFlask

from tests import arriving
from tests.apart import world
from tests.apart.guard import Guard
from tests.apart.platform import Wechat
from tests.apart.world import CORP, ONE_DATABASE, Side, differing, rows_of
from workers import jobs
from wxtag import clock, companies, nightly
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.database import reading
from wxtag.models import Account, db

Sides = tuple[Side, Side]
JOBS = {"drain", "lookup", "compute", "push", "nightly", "imports"}
MARK_TAG = "/cgi-bin/externalcontact/mark_tag"


def accounts(side: Side) -> dict[str, BoundAccount]:
    with reading() as session:
        return {
            name: companies.opened(session.get_one(Account, account_id), core().sealer)
            for name, account_id in side.accounts.items()
        }


def arrives(side: Side) -> None:
    """The same news for each: somebody follows, is where she is, and becomes a contact of Zhao's."""
    bound = accounts(side)
    arriving.arrive(bound["oa"], arriving.fan_event("subscribe", openid="o-lin", at=world.NOW // 1000))
    for name, corp in (("shared", CORP), ("corp", side.corp)):
        added = arriving.wecom_event("add_external_contact", "wm-new", "ZhaoMin", State="store-017")
        arriving.arrive(bound[name], added.replace(arriving.playing.CORP, corp))


def work() -> None:
    """Until nothing waits."""
    for _ in range(6):
        done = jobs.drain() + jobs.lookup() + jobs.compute() + jobs.push()
        if not done:
            return


def test_every_job_is_exercised() -> None:
    found = {
        name
        for name, one in vars(jobs).items()
        if inspect.isfunction(one) and one.__module__ == jobs.__name__ and not name.startswith("_")
    }
    assert found == JOBS, "run it in these tests, then name it here"


def test_the_jobs_of_two_companies_mix_nothing(
    app: APIFlask, sides: Sides, guard: Guard, platform: Wechat, monkeypatch: pytest.MonkeyPatch
) -> None:
    for side in sides:
        arrives(side)
    work()
    monkeypatch.setattr(clock, "now", lambda: world.NOW + 86_400_000)
    with reading() as session:
        assert len(nightly.due(session, clock.now())) == 2
    jobs.nightly()
    jobs.imports()
    work()
    pushed = [call for call in platform.calls() if call.path == MARK_TAG]
    assert {call.side for call in pushed} == {1, 2}
    for call in platform.calls():
        other = sides[2 - call.side]
        assert other.mark not in str(call.body), call
        assert f"et-{other.number}-" not in str(call.body), call
    for side in sides:
        other = sides[2 - side.number]
        rows = rows_of(db.session(), side.company)
        for name, found in rows.items():
            assert not [row for row in found if other.mark in row or f"et-{other.number}-" in row], name
        assert "wm-new" in str(rows["follow_users"]) and "o-lin" in str(rows["identities"])
    assert guard.faults == {}, guard.told()


@ONE_DATABASE
def test_what_happens_to_one_company_leaves_the_other_as_it_is(
    app: APIFlask, ours_and_theirs: Sides, guard: Guard, platform: Wechat
) -> None:
    own, other = ours_and_theirs
    work()  # what was waiting for both
    before = rows_of(db.session(), other.company)
    platform.asked.clear()
    arrives(own)
    work()
    assert differing(before, rows_of(db.session(), other.company)) == {}
    assert {call.side for call in platform.calls()} == {own.number}
    assert guard.faults == {}, guard.told()


@ONE_DATABASE
def test_the_night_of_one_company_is_its_own(app: APIFlask, sides: Sides, guard: Guard) -> None:
    own, other = sides
    before = rows_of(db.session(), other.company)
    guard.acting = own.company
    nightly.recompute(own.company, clock.now(), "by hand")
    assert differing(before, rows_of(db.session(), other.company)) == {}
    assert guard.faults == {}, guard.told()
