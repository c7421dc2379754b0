"""An Official Account that was migrated into another one: its people keep their past under new openids."""

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from tests.importing.conftest import OA, ON_SQLITE, Town, fans, many_fans
from tests.sandbox.conftest import World
from wxtag import migrating
from wxtag.accounts import BoundAccount
from wxtag.commands.migrating import migrate_account
from wxtag.database import reading
from wxtag.errors import PlatformError
from wxtag.migrating import Migrated, migrate
from wxtag.models import Company, Identity, InboxMessage, Link
from wxtag.platforms import official_account

API = "changeopenid"


@pytest.fixture
def new(world: World, town: Town) -> BoundAccount:
    """The account into which the old one was migrated. It is not bound to the Open Platform account."""
    made = world.control("POST", "accounts", {"kind": "official_account"})["appid"]
    world.control("PUT", f"accounts/{made}/settings", {"migrated_from": [OA]})
    with reading() as session:
        company = session.get_one(Company, town.company_id)
    return town.bind(company, made)


def migrated(new: BoundAccount) -> Migrated:
    return migrate(new, official_account(new), OA)


def pairs() -> set[tuple[int, int]]:
    with reading() as session:
        rows = session.scalars(select(Link).where(Link.source == "migration"))
        return {(row.low_id, row.high_id) for row in rows}


def customers(scope: str) -> list[int]:
    with reading() as session:
        found = select(Identity.customer_id).where(Identity.kind == "openid", Identity.scope == scope)
        return sorted(session.scalars(found))


def test_everyone_keeps_their_past_under_the_new_openid(world: World, town: Town, new: BoundAccount) -> None:
    many_fans(world, 130)
    town.whole(town.official)
    before = customers(OA)
    done = migrated(new)
    town.drain()
    assert (done.total, done.changed, done.refused, done.known) == (130, 130, 0, 0)
    assert town.calls(API) == 2, "a hundred a call"
    assert customers(OA) == customers(new.key) == before
    assert len(pairs()) == 130
    assert town.ids("openid", scope=OA, active=True) == []
    assert town.questions("user_info") >= set(town.ids("openid", scope=new.key))


@ON_SQLITE
def test_again_asks_only_who_was_refused(world: World, town: Town, new: BoundAccount) -> None:
    known = fans(world, ["lin", "wang"])
    town.whole(town.official)
    world.act("unfollow", person="wang")
    done = migrated(new)
    town.drain()
    assert (done.changed, done.refused) == (1, 1)
    again = migrated(new)
    assert (again.known, again.changed, again.refused) == (1, 0, 1)
    town.drain()
    assert len(pairs()) == 1 and len(known) == 2


@ON_SQLITE
def test_it_goes_on_where_it_was_killed(
    world: World, town: Town, new: BoundAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "AT_ONCE", 10)
    many_fans(world, 35)
    town.whole(town.official)
    platform = official_account(new)
    turns = iter(range(2))

    class Killed(Exception):
        pass

    def change(old: str, openids: list[str]) -> dict[str, str]:
        if next(turns, None) is None:
            raise Killed
        return platform.change_openids(old, openids)

    dying = type("Dying", (), {"change_openids": staticmethod(change)})()
    with pytest.raises(Killed):
        migrate(new, dying, OA)
    done = migrated(new)
    town.drain()
    assert (done.known, done.changed) == (20, 15) and len(pairs()) == 35
    with reading() as session:
        kept = session.scalars(select(InboxMessage).where(InboxMessage.source == "migration")).all()
    assert len(kept) == 35


@ON_SQLITE
def test_without_a_migration_the_platform_says_so(world: World, town: Town, new: BoundAccount) -> None:
    fans(world, ["lin"])
    town.whole(town.official)
    world.control("PUT", f"accounts/{new.key}/settings", {"migrated_from": []})
    with pytest.raises(PlatformError) as raised:
        migrated(new)
    assert raised.value.code == 63178


@ON_SQLITE
def test_the_command(world: World, town: Town, new: BoundAccount) -> None:
    fans(world, ["lin"])
    town.whole(town.official)
    done = CliRunner().invoke(migrate_account, [OA, str(new.id)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"1 openids of {OA}: 1 changed, 0 changed before, 0 not")
    wrong = CliRunner().invoke(migrate_account, [OA, str(town.corp.id)])
    assert wrong.exit_code == 1 and "only Official Accounts are migrated" in wrong.output
