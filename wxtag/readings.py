"""What a reading of a relation's tags tells, beside what we believed and what we were sending.

New on it: staff or another program put it there, and it is theirs. Gone although we put it: staff took it
off, which is a veto. What we have been sending is told apart by the intent: docs/decisions/0006 and 0013.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from wxtag import intents
from wxtag.intents import Intent
from wxtag.models import Push

AGAIN_MS = 2_000
"""At least so long after a doubt, a second reading that shows the same is believed."""
LONGEST_VAIN = 12
"""2^12 s: the longest wait of a push that WeCom says ok to again and again without effect."""


@dataclass
class Judgement:
    """What to do about one reading. The lists are ids of tags in WeCom."""

    put_on: list[str] = field(default_factory=list)
    """By staff or another program: theirs."""
    taken_off: list[str] = field(default_factory=list)
    """By staff, although we believed it there."""
    ours: list[str] = field(default_factory=list)
    """There, and it was us."""
    gone: list[str] = field(default_factory=list)
    """Not there; by us, or it never was."""
    intent: Intent | None = None
    next_try_at: int | None = None
    """When the push is due, where the reading says so."""
    proof_in: int | None = None
    """After so many ms the relation has to be read again."""
    push: bool = False
    """Whether something may have to be sent now."""


def judge(
    push: Push,
    read_at: int | None,
    believed: Mapping[str, int],
    there: Collection[str],
    at: int,
    edited: bool,
    now: int,
) -> Judgement | None:
    """What follows from a reading, or None when it says nothing (then another one is sure to come).

    `believed`: tag -> since when. `at`: when it was asked; what happened later stands. `edited`: it shows
    that staff changed something else than tags.
    """
    intent = push.intent
    if read_at is not None and at < read_at:
        return None  # a newer one was taken in
    if intent is not None and (at < intents.known_at(intent) or _under_way(push, now)):
        return None
    here = {tag for tag, since in believed.items() if since <= at}
    differs = ({*there} ^ here) - {tag for tag, since in believed.items() if since > at}
    sent = intents.sent(intent)
    if intent is None:
        found = _told(differs, here, set())
        found.push = read_at is None or bool(differs)
        return found
    # Staff edited, and nothing else shows what they did: then it was this.
    by_staff = "edited" in intent and not edited and not differs - sent
    doubts = differs & sent if "answered" in intent and not by_staff else set()
    sure = "doubted" in intent and at >= intent["doubted"] + AGAIN_MS
    if doubts and not sure:
        found = _told(differs - doubts, here, sent)
        found.intent = intent if "doubted" in intent else intents.doubted(intent, now)
        found.proof_in = intents.PROOF_MS
    elif doubts:
        found = _told(differs, here, sent)
        found.intent = intents.in_vain(intent)
        found.next_try_at = now + 1000 * 2 ** min(found.intent["vain"], LONGEST_VAIN)
        found.proof_in = intents.LATE_MS
    else:
        found = _told(differs, here, set() if by_staff else sent)
        if "answered" not in intent:
            found.next_try_at = now
            intent = intents.lost(intent, max(intent["at"], intent.get("lost", 0)))
        proven_at = intents.proven_at(intent)
        if at < proven_at:
            found.intent, found.proof_in = intent, max(proven_at - now, 0)
    found.push = read_at is None or bool(differs) or "answered" not in intent
    return found


def _under_way(push: Push, now: int) -> bool:
    """Whether its call has not ended; when its sender died, the relation is due again after a while."""
    return (
        push.intent is not None
        and intents.under_way(push.intent)
        and push.state == "waiting"
        and push.next_try_at > now
    )


def _told(differs: set[str], here: set[str], sent: set[str]) -> Judgement:
    return Judgement(
        put_on=sorted(differs - here - sent),
        taken_off=sorted(differs & here - sent),
        ours=sorted(differs - here & sent),
        gone=sorted(differs & here & sent),
    )
