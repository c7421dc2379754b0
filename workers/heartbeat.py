"""Signs of life of a worker or the clock: in the database for those who take over, in Redis for /readyz."""

import logging
import threading
from collections.abc import Callable

from apiflask import APIFlask
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from wxtag import clock
from wxtag.app import core
from wxtag.claims import Watch
from wxtag.models import db

EVERY_SECONDS = 1.0
REDIS_EVERY_SECONDS = 5.0
log = logging.getLogger(__name__)


def beat_once(name: str) -> None:
    """The time of the last sign of life in Redis, in milliseconds, forgotten after a minute."""
    try:
        core().redis.set(f"wxtag:heartbeat:{name}", clock.now(), ex=60)
    except RedisError as error:
        log.debug("no heartbeat: %s", type(error).__name__)


def beat_in_redis(app: APIFlask, name: str) -> None:
    """Beats beside the work for as long as the process lives."""
    _for_ever(app, REDIS_EVERY_SECONDS, lambda: beat_once(name))


def beat_in_database(app: APIFlask) -> None:
    """The same; in a thread of its own, since a Redis that hangs holds up the other one."""
    watch = Watch()

    def beat() -> None:
        try:
            watch.beat()
        except SQLAlchemyError as error:
            log.debug("no beat: %s", type(error).__name__)
        finally:
            db.session.remove()

    _for_ever(app, EVERY_SECONDS, beat)


def _for_ever(app: APIFlask, seconds: float, act: Callable[[], None]) -> None:
    def run() -> None:
        with app.app_context():
            while True:
                act()
                clock.sleep(seconds)

    threading.Thread(target=run, daemon=True).start()
