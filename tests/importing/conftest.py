"""A sandbox with a few hundred people, and a product that imports from it by real HTTP."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select

from config import Settings
from tests.conftest import SECRET_KEY
from tests.sandbox.conftest import CORP, OA, World
from workers import jobs
from wxtag import companies
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.database import reading, writing
from wxtag.importing import run as imports
from wxtag.importing.work import hold, work
from wxtag.models import Company, FollowUser, Identity, InboxMessage, Lookup, RelationTag
from wxtag.sandbox import create_sandbox
from wxtag.sandbox.serve import serve

BATCH = "externalcontact/batch/get_by_user"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the database."""
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="session")
def sandbox_running() -> Iterator[serve]:
    with serve(create_sandbox()) as started:
        yield started


@pytest.fixture
def world(sandbox_running: serve) -> World:
    fresh = World(sandbox_running)
    fresh.control("POST", "reset")
    return fresh


@pytest.fixture
def settings(database_url: str, tmp_path: Path, redis_url: str, world: World) -> Settings:
    Redis.from_url(redis_url).flushdb()  # a Redis of this test process: tokens of the world before
    return Settings(
        database_url=database_url,
        secret_key=SECRET_KEY,
        data_dir=tmp_path,
        redis_url=redis_url,
        wecom_api_url=f"{world.url}/wecom-api",
        wechat_api_url=f"{world.url}/wechat-api",
    )


class Town:
    """The product's side: accounts, imports, and what came of them."""

    def __init__(self, world: World, company: Company, settings: Settings) -> None:
        self.world, self.company_id, self.settings = world, company.id, settings
        self.corp, self.official = self.bind(company, CORP), self.bind(company, OA)

    def bind(self, company: Company, key: str) -> BoundAccount:
        with writing() as session:
            row = companies.bind(session, core().sealer, company, self.world.account(key))
            return companies.opened(row, core().sealer)

    # Importing

    def begin(self, account: BoundAccount) -> imports.Run:
        kind = imports.KINDS[account.kind]
        with writing() as session:
            return imports.begin(session, account, kind, imports.FIRST_STAGE[kind])

    def go_on(self, run: imports.Run, **more: Any) -> imports.Run:
        """As the command does, with a worker beside it."""
        with hold(run.account.id) as held:
            assert held is not None
            work(run, held, lambda _run, _behind: self.drain(), **more)
        return run

    def whole(self, account: BoundAccount) -> imports.Run:
        run = self.go_on(self.begin(account))
        assert run.state == imports.DONE, run.error
        self.drain()
        return run

    def drain(self) -> None:
        while jobs.drain():
            continue

    def settle(self) -> None:
        """Everything that follows: questions, tags, pushes."""
        for _ in range(8):
            self.drain()
            done = jobs.lookup() + jobs.compute() + jobs.push()
            self.drain()
            if not done:
                break

    # What came of it

    def relations(self) -> list[FollowUser]:
        with reading() as session:
            return list(session.scalars(select(FollowUser).order_by(FollowUser.id)))

    def pairs(self, status: str = "active") -> list[tuple[str, str]]:
        return sorted((r.userid, r.external_userid) for r in self.relations() if r.status == status)

    def messages(self, state: str = "done") -> int:
        with reading() as session:
            mine = (InboxMessage.source == "import", InboxMessage.state == state)
            return session.scalar(select(func.count(InboxMessage.id)).where(*mine)) or 0

    def ids(self, kind: str, **more: Any) -> list[str]:
        with reading() as session:
            return list(session.scalars(select(Identity.value).filter_by(kind=kind, **more)))

    def questions(self, kind: str) -> set[str]:
        with reading() as session:
            return set(session.scalars(select(Lookup.subject).where(Lookup.kind == kind)))

    def tags(self, ours: bool | None = None) -> list[tuple[str, str, str]]:
        with reading() as session:
            rows = session.execute(
                select(
                    FollowUser.userid, FollowUser.external_userid, RelationTag.wecom_id, RelationTag.ours
                ).join(FollowUser, FollowUser.id == RelationTag.follow_user_id)
            )
            return sorted((a, b, c) for a, b, c, whose in rows if ours is None or whose == ours)

    # The command, as a process

    def command(self, *arguments: object) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WXTAG_")}
        environment |= {
            "WXTAG_DATA_DIR": str(self.settings.data_dir),
            "WXTAG_DATABASE_URL": self.settings.database_url,
            "WXTAG_REDIS_URL": self.settings.redis_url,
            "WXTAG_SECRET_KEY": self.settings.secret_key,
            "WXTAG_WECHAT_API_URL": self.settings.wechat_api_url,
            "WXTAG_WECOM_API_URL": self.settings.wecom_api_url,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "account", "import", *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[str], seconds: float = 60) -> tuple[int, str]:
        """Its exit code and all that it said; a worker is beside it meanwhile."""
        end = time.monotonic() + seconds
        while process.poll() is None:
            if time.monotonic() > end:
                os.killpg(process.pid, signal.SIGKILL)
                raise AssertionError(f"not done after {seconds} s: {process.communicate()[0]}")
            self.drain()
            time.sleep(0.05)
        return process.returncode, process.communicate()[0]

    def calls(self, api: str) -> int:
        return len(self.world.control("GET", f"calls?api={api}")["calls"])

    def wait_for_calls(self, api: str, count: int, process: subprocess.Popen[str]) -> None:
        end = time.monotonic() + 30
        while self.calls(api) < count:
            if process.poll() is not None:
                raise AssertionError(f"it ended early: {process.communicate()[0]}")
            assert time.monotonic() < end, f"{count} calls of {api} were never made"
            time.sleep(0.01)


@pytest.fixture
def town(app: Any, world: World, company: Company, settings: Settings) -> Town:
    return Town(world, company, settings)


def staff(world: World, count: int) -> list[str]:
    """So many more members of staff."""
    userids = [f"Staff{number:02d}" for number in range(count)]
    for number, userid in enumerate(userids):
        world.act("staff_create", userid=userid, name=f"店员{number}")
    return userids


def friends(world: World, userid: str, count: int, prefix: str) -> list[tuple[str, str]]:
    """So many customers of one member: (folded userid, external_userid)."""
    people = world.act("seed_friends", userid=userid, count=count, prefix=prefix)["people"]
    known = {p["id"]: p["external_userids"][CORP] for p in world.control("GET", "people")["people"]}
    return sorted((userid.lower(), known[person]) for person in people)


def crowd(world: World, members: int = 5, each: int = 100) -> list[tuple[str, str]]:
    """Members with customers of their own."""
    pairs: list[tuple[str, str]] = []
    for number, userid in enumerate(staff(world, members)):
        pairs += friends(world, userid, each, f"p{number}")
    return sorted(pairs)


def fans(world: World, people: list[str]) -> list[str]:
    """These people follow the Official Account; their openids."""
    for person in people:
        world.act("follow", person=person)
    known = {p["id"]: p["openids"][OA] for p in world.control("GET", "people")["people"]}
    return [known[person] for person in people]


def many_fans(world: World, count: int) -> list[str]:
    """So many people who follow already; their openids."""
    world.act("populate", fans=count, prefix="fan", seed=1)
    return [p["openids"][OA] for p in world.control("GET", "people?prefix=fan")["people"]]
