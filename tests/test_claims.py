"""Claims and leases of dead processes are free at once, those of slow ones are not taken by mistake."""

import os
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from tests.arriving import WECOM, arrive, bound, wecom_event
from wxtag import claims, clock, drain, due, leases
from wxtag.claims import STILL, Watch
from wxtag.database import reading, writing
from wxtag.events.decoded import Decoded
from wxtag.leases import lease
from wxtag.models import Account, Company, InboxMessage, Lease, Process

FAR = 10_000_000


@pytest.fixture
def account(company: Company) -> Account:
    with writing() as session:
        row = Account(
            company_id=company.id, kind="wecom", key="ww1", appid="ww1", name="x",
            secret="", token="", aes_key="", created_at=0, updated_at=0,
        )  # fmt: skip
        session.add(row)
    return row


def elsewhere(name: str = "there-1-abcd", **more: Any) -> str:
    """A process on another machine, as its own beat wrote it down."""
    with writing() as session:
        session.add(Process(**{"name": name, "host": "there", "pid": 1, "beat": 7, **more}))
    return name


def beats(name: str) -> None:
    with writing() as session:
        session.execute(update(Process).where(Process.name == name).values(beat=Process.beat + 1))


def takes(process: str, account: Account) -> None:
    """It holds a lease and has claimed a message."""
    until = clock.now() + FAR
    with writing() as session:
        session.add(Lease(name="push:1:ww1", holder=f"{process}/1", until=clock.now() + 25_000))
        session.add(
            InboxMessage(
                company_id=account.company_id, account_id=account.id, spool_id="s:1", source="callback",
                body=b"", received_at=0, claim=f"{process}/2", claimed_until=until,
            )
        )  # fmt: skip


def held() -> tuple[str | None, str | None, int]:
    with reading() as session:
        row = session.execute(select(InboxMessage.claim, InboxMessage.claimed_until)).one()
        return session.scalar(select(Lease.holder).where(Lease.name == "push:1:ww1")), row[0], row[1]


def free_lease() -> bool:
    with lease("push:1:ww1") as got:
        return got is not None


def test_what_a_dead_process_held_is_free_after_a_few_beats(account: Account) -> None:
    there = elsewhere()
    takes(there, account)
    watch = Watch()
    assert [watch.beat() for _ in range(STILL)] == [[]] * STILL
    assert not free_lease()
    assert watch.beat() == [there]
    assert held() == (None, None, 0)
    assert free_lease()
    assert watch.beat() == []


def test_who_beats_keeps_what_it_holds(account: Account) -> None:
    there = elsewhere()
    takes(there, account)
    watch = Watch()
    for round in range(5 * STILL):
        assert watch.beat() == []
        if round % STILL == 0:
            beats(there)
    assert held()[0] == f"{there}/1"


def test_a_name_that_begins_alike_is_another_process(account: Account) -> None:
    takes("there-1-abcdef", account)
    elsewhere("there-1-abcd")
    elsewhere("there-1_abcdef")
    watch = Watch()
    for _ in range(STILL + 1):
        watch.beat()
    assert held()[0] == "there-1-abcdef/1"


def test_a_killed_process_of_this_machine_is_seen_dead_at_the_first_look(account: Account) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    there = elsewhere("here-9-abcd", host=claims.machine(), pid=child.pid)
    takes(there, account)
    try:
        assert Watch().beat() == []
    finally:
        child.kill()
        child.wait()
    if claims.machine():
        assert Watch().beat() == [there]
        assert held() == (None, None, 0)


def test_the_same_pid_on_another_machine_says_nothing(account: Account) -> None:
    elsewhere(pid=2**22 + 1)
    assert Watch().beat() == []


def test_nobody_is_dead_because_the_database_was_away(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody beats then: neither do we, so nothing is counted."""
    there = elsewhere()
    watch = Watch()
    watch.beat()

    def away() -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(claims, "writing", away)
        for _ in range(10 * STILL):
            with pytest.raises(ConnectionError):
                watch.beat()
    assert watch.beat() == []
    beats(there)
    assert watch.beat() == []


def test_a_process_that_beats_between_look_and_burial_lives(account: Account) -> None:
    there = elsewhere()
    takes(there, account)
    beats(there)
    assert not claims._bury(there, 7)
    assert held()[0] == f"{there}/1"


def test_who_was_buried_by_mistake_lives_on_under_its_name(account: Account) -> None:
    watch = Watch()
    watch.beat()
    mine = claims.token()
    with writing() as session:
        session.execute(Process.__table__.delete())
    watch.beat()
    with reading() as session:
        assert session.scalar(select(Process.name)) == mine.split("/")[0]


def test_a_process_that_stops_in_good_order_leaves_nothing(account: Account) -> None:
    watch = Watch()
    watch.beat()
    takes(claims.token().split("/")[0], account)
    claims.leave()
    assert held() == (None, None, 0)
    with reading() as session:
        assert session.scalars(select(Process)).all() == []


def test_a_child_has_a_name_of_its_own() -> None:
    ours = claims.token().split("/")[0]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, claims.token().split("/")[0].encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 200).decode() != ours


def test_a_lease_does_not_stick_when_the_clock_went_back(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = clock.now
    day = 86_400_000
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: real() + day)
        with writing() as session:
            session.add(Lease(name="push:1:ww1", holder="gone-1-abcd/1", until=clock.now() + 30_000))
        assert not free_lease()
    assert free_lease()


def test_a_lease_is_renewed_though_the_clock_went_back(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tick = clock.now, 0.0
    with lease("push:1:ww1", 30_000) as mine:
        assert mine is not None
        monkeypatch.setattr(clock, "now", lambda: real() - 3_600_000)
        began = clock.monotonic()
        monkeypatch.setattr(clock, "monotonic", lambda: began + tick)
        for tick in (11.0, 22.0, 33.0):  # noqa: B007
            assert mine.renew()
        with reading() as session:
            until = session.scalar(select(Lease.until).where(Lease.name == "push:1:ww1"))
        assert until is not None and until <= clock.now() + 30_000


def test_a_claim_is_given_back_as_soon_as_the_database_is_there_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process lives on, so nobody else would free it."""
    mine, watch = claims.token(), Watch()
    other = claims.token()
    watch.beat()
    takes(mine.split("/")[0], account)
    with writing() as session:
        session.execute(update(InboxMessage).values(claim=mine))
        session.execute(update(Lease).values(holder=other))

    def away() -> None:
        raise ConnectionError

    claims.abandon(mine)
    with monkeypatch.context() as patch:
        patch.setattr(claims, "writing", away)
        with pytest.raises(ConnectionError):
            watch.beat()
    assert held()[:2] == (other, mine)
    watch.beat()
    assert held() == (other, None, 0)


def test_a_lease_that_could_not_be_given_back_is_with_the_next_beat(
    app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("no", {}, Exception())

    with monkeypatch.context() as patch, lease("push:1:ww1") as got:
        assert got is not None
        patch.setattr(leases, "writing", away)
    assert not free_lease()
    Watch().beat()
    assert free_lease()


def test_a_claim_whose_own_commit_broke_is_given_back(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database died after it had written the claim, and before it said so."""
    account = bound(company, WECOM)
    arrive(account, wecom_event("add_external_contact"))
    claim = due.claim

    def broken(token: str, limit: int) -> list[int]:
        claim(token, limit)
        raise OperationalError("COMMIT", {}, Exception("gone away"))

    monkeypatch.setattr(due, "claim", broken)
    with pytest.raises(OperationalError):
        drain.drain(lambda message, reading: Decoded(), lambda *given: None)
    monkeypatch.setattr(due, "claim", claim)
    assert drain.drain(lambda message, reading: Decoded(), lambda *given: None) == 0
    Watch().beat()
    assert drain.drain(lambda message, reading: Decoded(), lambda *given: None) == 1


def test_a_lease_whose_own_commit_broke_is_given_back(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = leases._take

    def broken(*given: Any) -> bool:
        take(*given)
        raise OperationalError("COMMIT", {}, Exception("gone away"))

    monkeypatch.setattr(leases, "_take", broken)
    with pytest.raises(OperationalError), leases.lease("compute:1"):
        pass
    monkeypatch.setattr(leases, "_take", take)
    with leases.lease("compute:1") as held:
        assert held is None
    Watch().beat()
    with leases.lease("compute:1") as held:
        assert held is not None
