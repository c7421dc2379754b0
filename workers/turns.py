"""When a job hands over to the next one: a worker does one at a time, and all kinds of work hang together."""

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

from wxtag import bell, clock

LONGEST_SECONDS = 20.0
"""A job that nobody waits for ends after so long, too: another process may want its lease."""
SHORTEST_SECONDS = 0.5
"""When other jobs wait: long enough to be worth beginning, short enough for a tag within a second or two."""
LOOK_SECONDS = 0.1


class Turn:
    """One job's turn. The job asks between two pieces of work whether it may go on."""

    def __init__(self, redis: Redis) -> None:
        self.over = False
        """Somebody else's turn has come, and there may be work left."""
        self._queue = Queue(bell.QUEUE, connection=redis)
        self._began, self._looked = clock.monotonic(), 0.0

    def lasts(self) -> bool:
        """For work beside the jobs, whose end nobody waits for; it ends to look anew what is due."""
        self.over |= clock.monotonic() - self._began >= LONGEST_SECONDS
        return not self.over

    def goes_on(self) -> bool:
        """For jobs, which come one after the other."""
        now = clock.monotonic()
        if not self.lasts():
            return False
        if now - self._began >= SHORTEST_SECONDS and now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self.over |= self.somebody_waits()
        return not self.over

    def somebody_waits(self) -> bool:
        """Whether another job waits for this worker."""
        try:
            return len(self._queue) > 0
        except RedisError:
            return False
