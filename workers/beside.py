"""Work that mostly waits for others, in a thread beside the jobs of this process; neither holds up the other.

A tag is sent while the next messages are worked off.
"""

import logging
import threading
from collections.abc import Callable

from apiflask import APIFlask

from wxtag import clock
from wxtag.models import db

PATIENCE_SECONDS = 15.0
"""How long a process that is told to stop waits for calls that are under way."""
log = logging.getLogger(__name__)


class Beside:
    """One thread that works whenever it is wanted; not started, it leaves the work to who wants it."""

    def __init__(self, work: Callable[[], int]) -> None:
        self.stopping = False
        self._work = work
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, app: APIFlask) -> None:
        """Begins to wait for work, in this process."""
        self._thread = threading.Thread(target=self._run, args=(app,), name="beside", daemon=True)
        self._thread.start()

    def do(self) -> int:
        """Has the work done, soon; where the thread was not started, at once and here. How much was done."""
        if self._thread is None:
            return self._work()
        self._wanted.set()
        return 0

    def stop(self) -> None:
        """Lets what is under way end, and nothing new begin."""
        self.stopping = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)

    def _run(self, app: APIFlask) -> None:
        with app.app_context():
            while not self.stopping:
                self._wanted.wait()
                self._wanted.clear()
                try:
                    if not self.stopping:
                        self._work()
                except Exception as error:
                    # Nothing is lost: the rows say what is left, and the clock rings for it.
                    log.warning(
                        "calls to the platforms were cut short: %s", type(error).__name__, exc_info=error
                    )
                    clock.sleep(1)
                    self._wanted.set()  # what was taken on when it broke is not due to anybody else
                finally:
                    db.session.remove()
