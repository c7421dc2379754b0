"""The clock: `python -m workers.clock`. Sweeps what no bell was heard for; begins the night's work at 03:00.

One acts at a time; a second one waits for the lease.
"""

import logging
import signal
import threading
from types import FrameType

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import load
from config import logging as log_setup
from workers.heartbeat import beat_in_database, beat_once
from wxtag import bell, clock, due, inbox, jumps, lookup, mover, nightly, push
from wxtag.app import core, create_core
from wxtag.claims import leave
from wxtag.database import reading, writing
from wxtag.errors import WxtagError
from wxtag.importing import run as imports
from wxtag.importing import staff_poll
from wxtag.leases import Held, lease
from wxtag.models import Touched, db

EVERY_SECONDS = 1.0
LEASE_MS = 15_000
log = logging.getLogger("clock")
stopping = threading.Event()


def sweep(session: Session) -> list[str]:
    """The jobs for which there is work now."""
    found = []
    if due.waiting(session):
        found.append("drain")
    if lookup.waiting(session):
        found.append("lookup")
    if session.query(Touched.id).first() is not None:
        found.append("compute")
    if push.due_corps(session):
        found.append("push")
    if nightly.due(session, clock.now()):
        found.append("nightly")
    if imports.due(session, clock.now()) or staff_poll.due(session, clock.now()):
        found.append("imports")
    return found


def tick() -> None:
    """One round: take in what dead web processes left, ring for what waits."""
    mover.move_once(core(), inbox.accept)
    with reading() as session:
        jumped = jumps.due(session)
    if jumped:
        with writing() as session:
            jumps.heal(session)
    with reading() as session:
        jobs = sweep(session)
    for job in jobs:
        bell.ring(core().redis, job, timeout=6 * 3600 if job == "nightly" else 600)


def run(held: Held) -> None:
    """Ticks until stopped or until the lease is lost."""
    while not stopping.is_set() and held.renew():
        tick()
        beat_once("clock")
        stopping.wait(EVERY_SECONDS)


def main() -> int:
    app = create_core(load())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    with app.app_context():
        log_setup.setup(core().settings, "clock")
        beat_in_database(app)
        while not stopping.is_set():
            try:
                with lease("clock", LEASE_MS) as held:
                    if held is not None:
                        log.info("the clock is running")
                        run(held)
            except SQLAlchemyError as error:
                log.warning("the database cannot be reached (%s); trying again", type(error).__name__)
            except (OSError, WxtagError) as error:
                # What web processes left in the spool cannot be taken in now; all else goes on.
                log.warning("the clock missed a round and goes on: %s: %s", type(error).__name__, error)
            finally:
                db.session.remove()
            stopping.wait(EVERY_SECONDS)
        leave()
    return 0


def _stop(_number: int, _frame: FrameType | None) -> None:
    stopping.set()


if __name__ == "__main__":
    raise SystemExit(main())
