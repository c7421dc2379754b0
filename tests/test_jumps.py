"""A clock that went forward and came back: nothing waits for the time that was not."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.arriving import OFFICIAL, arrive, bound, fan_event
from wxtag import clock, jumps
from wxtag.database import reading, writing
from wxtag.models import Company, InboxMessage, Lease, Lookup, NightlyRun

DAY = 86_400_000


class Moment:
    ahead = 0


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    real, made = clock.now, Moment()
    monkeypatch.setattr(clock, "now", lambda: real() + made.ahead)
    return made


def heal() -> int:
    with writing() as session:
        return jumps.heal(session)


@pytest.fixture
def put_off(company: Company, moment: Moment) -> None:
    """A message, a question, a lease and a night, all put off or done by a clock that is a day ahead."""
    account = bound(company, OFFICIAL)
    heal()
    moment.ahead = DAY
    arrive(account, fan_event("subscribe"), at=clock.now())
    now = clock.now()
    with writing() as session:
        message = session.scalars(select(InboxMessage)).one()
        message.next_try_at, message.claim, message.claimed_until = now + 4000, "x", now + 30_000
        session.add(
            Lookup(
                company_id=company.id, account_id=account.id, kind="user_info", subject="o", asked_at=now,
                next_try_at=now + 4000,
            )
        )  # fmt: skip
        session.add(Lease(name="nightly:1", holder="x", until=now + 600_000))
        session.add(NightlyRun(company_id=company.id, day="2099-01-01", state="done", started_at=now))
    heal()


def waits() -> list[Any]:
    now = clock.now()
    with reading() as session:
        return [
            *session.scalars(select(InboxMessage.id).where(InboxMessage.next_try_at > now)),
            *session.scalars(select(InboxMessage.id).where(InboxMessage.claimed_until > now)),
            *session.scalars(select(Lookup.id).where(Lookup.next_try_at > now)),
            *session.scalars(select(Lease.name).where(Lease.until > now, Lease.name != jumps.SEEN)),
            *session.scalars(select(NightlyRun.id).where(NightlyRun.started_at > now)),
        ]


def test_what_a_wrong_clock_put_off_is_due_when_it_is_right(put_off: None, moment: Moment) -> None:
    moment.ahead = 0
    assert len(waits()) == 5
    assert heal() == 5
    assert waits() == []
    assert heal() == 0


def test_a_good_reason_to_wait_stays_while_the_time_goes_on(put_off: None, moment: Moment) -> None:
    for _ in range(5):
        moment.ahead += 3000
        assert heal() == 0
    moment.ahead += DAY
    assert heal() == 0


def test_hosts_whose_clocks_differ_by_seconds_heal_nothing(put_off: None, moment: Moment) -> None:
    moment.ahead -= 40_000
    assert heal() == 0
    assert len(waits()) == 5
