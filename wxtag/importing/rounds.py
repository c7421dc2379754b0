"""What a worker does of it: imports that were put off and may go on, and the daily poll of staff."""

import logging

from wxtag import clock
from wxtag.database import reading
from wxtag.errors import PlatformError
from wxtag.importing import run as imports
from wxtag.importing import staff_poll
from wxtag.importing.work import GoesOn, hold, work

log = logging.getLogger(__name__)


def go_on(goes_on: GoesOn) -> int:
    """What is due, for as long as it `goes_on`; returns how many accounts were looked at."""
    now, done = clock.now(), 0
    with reading() as session:
        polls, waiting = staff_poll.due(session, now), imports.due(session, now)
    for account_id in polls:
        done += _poll(account_id)
    for import_id in waiting:
        if not goes_on():
            break
        done += _import(import_id, goes_on)
    return done


def _poll(account_id: int) -> int:
    with hold(account_id) as held:
        if held is None:
            return 0
        try:
            counts = staff_poll.poll(account_id)
        except PlatformError as error:
            log.warning("the staff of account %s cannot be read now: %s", account_id, error)
            return 0
    if any(counts.values()):
        log.info("staff of account %s: %s", account_id, counts)
    return 1


def _import(import_id: int, goes_on: GoesOn) -> int:
    """One that lost its worker is still `waiting` and due, so that the next one takes it."""
    account_id = imports.load(import_id).account.id
    with hold(account_id) as held:
        if held is None:
            return 0
        run = imports.load(import_id)
        if run.state == imports.WAITING:
            work(run, held, lambda _run, _behind: None, goes_on, patient=False)
    return 1
