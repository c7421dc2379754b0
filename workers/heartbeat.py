"""Says in Redis that a process is alive, for /readyz."""

import logging

from apiflask import APIFlask
from redis.exceptions import RedisError

from wxtag import clock
from wxtag.app import core

EVERY_SECONDS = 5.0
log = logging.getLogger(__name__)


def beat_once(name: str) -> None:
    """The time of the last sign of life, in milliseconds, forgotten after a minute."""
    try:
        core().redis.set(f"wxtag:heartbeat:{name}", clock.now(), ex=60)
    except RedisError as error:
        log.debug("no heartbeat: %s", type(error).__name__)


def beat(app: APIFlask, name: str) -> None:
    """Beats for ever, in a thread beside the work."""
    with app.app_context():
        while True:
            beat_once(name)
            clock.sleep(EVERY_SECONDS)
