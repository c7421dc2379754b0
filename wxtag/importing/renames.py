"""Which newcomer is a member who was known under another userid: said only when it is certain."""

from collections.abc import Mapping
from dataclasses import dataclass, field

TOLERANCE_MS = 5_000
"""A callback's time of an add and the one in the contact's details may differ by seconds."""
ASSIGNED = 202
"""add_way of a contact that was handed over: it is the successor who has it now, not the same person."""


@dataclass(frozen=True)
class Member:
    """What is known of one member: the name, and whom they have: external_userid -> (added at, add_way)."""

    name: str
    contacts: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)


def matched(gone: Mapping[str, Member], newcomers: Mapping[str, Member]) -> dict[str, str]:
    """Old userid -> new userid, where exactly one newcomer can be the member who is gone."""
    pairs = [
        (old, new)
        for old, before in gone.items()
        for new, after in newcomers.items()
        if _the_same(before, after)
    ]
    olds, news = [old for old, _ in pairs], [new for _, new in pairs]
    return {old: new for old, new in pairs if olds.count(old) == 1 and news.count(new) == 1}


def _the_same(before: Member, after: Member) -> bool:
    """The same name, and at least half of the contacts, each added at the same second as before.

    Contacts that were handed over carry a later time, or the add_way that says so. A member without
    contacts has nothing to keep.
    """
    common = before.contacts.keys() & after.contacts.keys()
    if not before.name or before.name != after.name or 2 * len(common) < max(len(before.contacts), 1):
        return False
    return all(_kept(before.contacts[one], after.contacts[one]) for one in common)


def _kept(before: tuple[int, int | None], after: tuple[int, int | None]) -> bool:
    handed_over = after[1] == ASSIGNED and before[1] != ASSIGNED
    return abs(before[0] - after[0]) <= TOLERANCE_MS and not handed_over
