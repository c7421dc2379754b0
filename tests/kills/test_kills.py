"""Whatever dies at whatever moment under load: nothing acknowledged is lost, no effect happens twice.

`KILLS_SEED` repeats a run, `KILLS_TRIALS` asks for more trials, `KILLS_SECONDS` for more patience on a busy
machine.
"""

import os
import random
import time
from itertools import combinations

import pytest

from tests.kills.line import VICTIMS, Line
from tests.kills.oracle import check
from tests.kills.stream import Stream

GOES_ON = float(os.environ.get("KILLS_SECONDS") or 10)
"""Seconds after what was killed is up again within which all that waited is worked off."""
SEED = int(os.environ.get("KILLS_SEED") or random.randrange(10**6))
TRIALS = int(os.environ.get("KILLS_TRIALS") or 0)


def trials(line: Line, victims: list[tuple[str, ...]], load: float) -> None:
    """Runs one trial for each entry, all on one line; the oracle looks at the end and every ten trials."""
    print(f"KILLS_SEED={SEED}")
    chance, stream = random.Random(SEED), Stream(line, SEED)
    stream.gather(8)
    for number, struck in enumerate(victims, 1):
        print(f"trial {number}: {'+'.join(struck)}")
        stream.start()
        time.sleep(chance.uniform(0.2, load))
        for victim in sorted(struck, key=lambda one: one != "flushall"):  # a dead Redis cannot be emptied
            line.strike(victim)
            time.sleep(chance.choice((0, 0, 0.2)))
        time.sleep(chance.uniform(0, load / 2))
        # What the others need comes first, as an operator would do it.
        for victim in sorted(struck, key=lambda one: one not in ("database", "redis", "flushall")):
            line.mend(victim)
        restarted = time.monotonic()
        stream.stop()
        line.settle(GOES_ON - (time.monotonic() - restarted))
        print(f"trial {number}: on again after {time.monotonic() - restarted:.1f} s")
        if number % 10 == 0 or number == len(victims):
            line.prove()
            check(line, stream, number)
    print(f"{stream.answered} acknowledged, {stream.failed} not")


def test_nothing_is_lost_or_doubled_by_ten_kills(line: Line) -> None:
    chance = random.Random(SEED)
    victims = [(one,) for one in VICTIMS] + [("web", "worker"), ("database", "worker")]
    victims += [(chance.choice(VICTIMS),) for _ in range(2)]
    chance.shuffle(victims)
    trials(line, victims, 0.8)


@pytest.mark.long
@pytest.mark.parametrize("line", ["mariadb", "sqlite"], indirect=True)
def test_nothing_is_lost_or_doubled_by_a_hundred_kills(line: Line) -> None:
    chance = random.Random(SEED)
    several: list[tuple[str, ...]] = [(one,) for one in VICTIMS] * 10 + list(combinations(VICTIMS, 2)) * 3
    while len(several) < max(110, TRIALS):
        several.append(tuple(chance.sample(VICTIMS, chance.choice((1, 2, 3)))))
    chance.shuffle(several)
    trials(line, several, 2.0)
