"""Drives an import: step after step, gently, while the line keeps up; stops so that it can go on."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from wxtag import bell, clock
from wxtag.app import core
from wxtag.bindings import mended, tell_admin
from wxtag.database import reading
from wxtag.errors import PlatformError, Unavailable
from wxtag.importing import corp, fans
from wxtag.importing.keeping import MOST_WAITING, waiting
from wxtag.importing.run import DONE, PAUSED, WAITING, Run, save, set_state
from wxtag.importing.settle import settle
from wxtag.leases import Held, lease
from wxtag.platforms import OfficialAccount, WeCom, client

LEASE_MS = 60_000
"""Renewed between two calls, of which one may take 20 s."""
LONG_WAIT_SECONDS = 300.0
MOST_TRIES = 10
NAP_SECONDS = 0.2

GoesOn = Callable[[], bool]
Tell = Callable[[Run, int], None]
"""Told after each step: the import, and how many messages wait to be worked off."""


def hold(account_id: int) -> AbstractContextManager[Held | None]:
    """The right to import from this account; None when somebody else does it now."""
    return lease(lease_name(account_id), LEASE_MS)


def lease_name(account_id: int) -> str:
    return f"import:{account_id}"


def work(run: Run, held: Held, tell: Tell, goes_on: GoesOn = lambda: True, patient: bool = True) -> None:
    """Goes on until it is done, paused or put off; the row then says which.

    Asked before each step whether it `goes_on`, it hands over when it should not. A worker is not `patient`:
    where it would have to wait it hands over as well, because its time is needed to work off what the import
    waits for.
    """
    platform, answered = client(run.account), False
    while run.stage != DONE:
        if not held.renew():
            raise Unavailable("the import was taken over by another process: see --status")
        with reading() as session:
            behind = waiting(session, run.account.company_id)
        tell(run, behind)
        if not goes_on():
            return
        moved = False
        if behind <= MOST_WAITING:
            try:
                moved = _step(run, platform)
            except PlatformError as error:
                if not _trouble(run, error, held, patient):
                    return
                continue
        if moved:
            run.tries, run.error = 0, None
            save(run)
            if not answered:
                mended({run.account.id})
                answered = True
            bell.ring(core().redis, "drain")
        elif not patient:
            set_state(run, WAITING, run.error, clock.now() + 1000)
            return
        else:
            bell.ring(core().redis, "drain")
            clock.sleep(NAP_SECONDS)
    run.state, run.finished_at, run.error = DONE, clock.now(), None
    save(run)
    bell.ring(core().redis, "lookup")


def _step(run: Run, platform: object) -> bool:
    """One act of the stage; False when it must wait for the line. Raises PlatformError."""
    if run.stage == "settle":
        return settle(run)
    if isinstance(platform, WeCom):
        (corp.read_staff if run.stage == "staff" else corp.read_contacts)(run, platform)
    else:
        assert isinstance(platform, OfficialAccount), platform
        fans.read_fans(run, platform)
    return True


def _trouble(run: Run, error: PlatformError, held: Held, patient: bool) -> bool:
    """Waits as the platform wants it; False when the import is put off or paused instead."""
    if error.permanent:
        if error.action == "tell_admin":
            tell_admin(run.account.id, error)
        set_state(run, PAUSED, str(error))
        return False
    run.tries += 1
    seconds = max(error.wait, 1.0)
    if seconds < LONG_WAIT_SECONDS:
        seconds = min(seconds * 2 ** min(run.tries - 1, 8), LONG_WAIT_SECONDS)
    long = seconds >= LONG_WAIT_SECONDS or run.tries >= MOST_TRIES
    if long or not patient:
        # The day's calls are used up, or the platform is away: the clock goes on with it then.
        set_state(run, WAITING, str(error), clock.now() + int(seconds * 1000))
        return False
    set_state(run, run.state, str(error))
    until = clock.monotonic() + seconds
    while clock.monotonic() < until and held.renew():
        clock.sleep(min(NAP_SECONDS, max(until - clock.monotonic(), 0)))
    return True
