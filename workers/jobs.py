"""Every job on one page: here the steps of the line meet. A job carries no data; the rows say what to do."""

import logging
from collections.abc import Callable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from workers.beside import Beside
from workers.turns import Turn
from wxtag import bell, clock, inbox, touch
from wxtag import drain as draining
from wxtag import lookup as asking
from wxtag import push as pushing
from wxtag.app import core
from wxtag.database import reading, writing
from wxtag.errors import NotFound
from wxtag.events.decoded import Decoded
from wxtag.events.meaning import decode
from wxtag.identity import current
from wxtag.importing import rounds
from wxtag.leases import lease
from wxtag.models import Touched
from wxtag.nightly import run as run_nightly
from wxtag.resolve import Meant, apply_all
from wxtag.tags import engine

TOUCHED_AT_ONCE = 500
log = logging.getLogger(__name__)


def drain() -> int:
    """The inbox: from messages to events, identities, relations and questions."""
    bell.heard(core().redis, "drain")
    turn = Turn(core().redis)
    done = _in_rounds(turn, lambda: draining.drain(_meaning, _take_in))
    if done:
        _ring("compute", "lookup", "push")
    return _hand_over(turn, "drain", done)


def lookup() -> int:
    """Questions to the platforms; the answers go through the inbox."""
    bell.heard(core().redis, "lookup")
    return questions.do()


def compute() -> int:
    """The tags of the customers who were touched."""
    bell.heard(core().redis, "compute")
    turn, done = Turn(core().redis), 0
    with reading() as session:
        companies = list(session.scalars(select(Touched.company_id).distinct()))
    for company_id in companies:
        with lease(f"compute:{company_id}") as held:
            if held is not None:
                done += _in_rounds(turn, lambda: _compute(company_id) if held.renew() else 0)  # noqa: B023
    if done:
        _ring("push")
    return _hand_over(turn, "compute", done)


def push() -> int:
    """What is wanted and not there yet, to WeCom."""
    bell.heard(core().redis, "push")
    return pushes.do()


def nightly() -> int:
    """Everything that the night does, for each company that has not had it."""
    bell.heard(core().redis, "nightly")
    done = run_nightly(clock.now())
    _ring("push")
    return done


def imports() -> int:
    """Imports that were put off and may go on now, and the daily poll of staff."""
    bell.heard(core().redis, "imports")
    done = rounds.go_on(Turn(core().redis).goes_on)
    _ring("drain", "lookup", "compute", "push")
    return done


def _meaning(message: inbox.Kept, reading_: inbox.Reading) -> Decoded:
    """What one message means, in our words."""
    return decode(
        message.source,
        message.event,
        reading_.account,
        reading_.content,
        message.received_at,
        core().settings.location_datum,
    )


def _take_in(session: Session, company_id: int, meant: list[Meant]) -> None:
    """Messages of one company: what follows from them, and whose tags may change."""
    touch.touch(session, company_id, apply_all(session, company_id, meant))


def _ask() -> int:
    with reading() as session:
        if not asking.waiting(session):
            return 0
    turn = Turn(core().redis)
    with lease("lookup") as held:
        if held is None:
            return 0
        done = asking.ask_due(
            go_on=lambda: held.renew() and turn.lasts() and not questions.stopping,
            answered=lambda: _ring("drain"),
            idle=lambda: not turn.somebody_waits(),
        )
    return _hand_over(turn, "lookup", done)


def _push() -> int:
    turn = Turn(core().redis)
    with reading() as session:
        corps = pushing.due_corps(session)
    done = sum(
        pushing.push_corp(company_id, corpid, lambda: turn.lasts() and not pushes.stopping)
        for company_id, corpid in corps
    )
    return _hand_over(turn, "push", done)


questions, pushes = Beside(_ask), Beside(_push)
"""Both mostly wait for the platforms: in a worker each has a thread of its own, which these jobs wake up."""


def _compute(company_id: int) -> int:
    """One batch of touched customers, in one transaction with their rows' end."""
    with writing() as session:
        rows = session.execute(
            select(Touched.id, Touched.customer_id, Touched.at)
            .where(Touched.company_id == company_id)
            .order_by(Touched.id)
            .limit(TOUCHED_AT_ONCE)
        ).all()
        if not rows:
            return 0
        since: dict[int, int] = {}
        for _, customer_id, at in rows:
            since.setdefault(customer_id, at)
            try:
                since.setdefault(current(session, company_id, customer_id), at)
            except NotFound:
                log.info("customer %s was touched and is gone", customer_id)
        engine.compute(session, company_id, sorted(since), clock.now())
        touch.want_push(session, company_id, since, since)
        session.execute(delete(Touched).where(Touched.id.in_([row.id for row in rows])))
    return len(rows)


def _in_rounds(turn: Turn, step: Callable[[], int]) -> int:
    """Runs a step until it finds nothing, or until others should have their turn."""
    done = 0
    while turn.goes_on() and (found := step()):
        done += found
    return done


def _hand_over(turn: Turn, job: str, done: int) -> int:
    """Behind those who wait, the job comes again for what it has left."""
    if turn.over:
        _ring(job)
    return done


def _ring(*jobs: str) -> None:
    for job in jobs:
        bell.ring(core().redis, job)
