"""Who is one person, worked out from a set of identities and the evidence between them; no database here."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from wxtag.models import Identity, Link

BY_PERSON = "person"


@dataclass
class Component:
    """Identities that evidence connects, and that evidence."""

    identities: dict[int, Identity] = field(default_factory=dict)
    links: dict[int, Link] = field(default_factory=dict)


class _Sets:
    """Disjoint sets of identity ids."""

    def __init__(self, members: Iterable[int]) -> None:
        self.parent = {member: member for member in members}

    def find(self, member: int) -> int:
        while self.parent[member] != member:
            self.parent[member] = self.parent[self.parent[member]]
            member = self.parent[member]
        return member

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.find(one), self.find(other)))
        self.parent[high] = low

    def groups(self) -> list[set[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        for member in self.parent:
            found[self.find(member)].add(member)
        return [found[root] for root in sorted(found)]


def groups_of(component: Component) -> tuple[list[set[int]], dict[int, list[int]]]:
    """Who is one person; and the identities that stand alone, each with the unionids that it met.

    Depends on the set of evidence alone. First what persons decided, then evidence that names a unionid,
    then the rest (phones), which may never bring two unionids of one Open Platform account together.
    """
    identities, links = component.identities, list(component.links.values())
    sets = _Sets(identities)
    for link in links:
        if link.source == BY_PERSON:
            sets.join(link.low_id, link.high_id)
    neighbours: dict[int, set[int]] = defaultdict(set)
    for link in links:
        neighbours[link.low_id].add(link.high_id)
        neighbours[link.high_id].add(link.low_id)
    conflicts: dict[int, list[int]] = {}
    for one in sorted(identities):
        if identities[one].kind != "unionid":
            met = [n for n in sorted(neighbours[one]) if identities[n].kind == "unionid"]
            if _clash(met, identities, sets):
                conflicts[one] = met
    rest = []
    for link in links:
        ends = (link.low_id, link.high_id)
        if link.source == BY_PERSON or any(end in conflicts for end in ends):
            continue
        if any(identities[end].kind == "unionid" for end in ends):
            sets.join(*ends)
        else:
            rest.append(link)
    _join_rest(identities, sets, rest, conflicts)
    return sets.groups(), conflicts


def _clash(unionids: Iterable[int], identities: dict[int, Identity], sets: _Sets) -> bool:
    """Are there two of one Open Platform account that nobody said are the same person?"""
    seen: dict[str, int] = {}
    for unionid in unionids:
        scope, root = identities[unionid].scope, sets.find(unionid)
        if seen.setdefault(scope, root) != root:
            return True
    return False


def _join_rest(
    identities: dict[int, Identity], sets: _Sets, rest: list[Link], conflicts: dict[int, list[int]]
) -> None:
    """Joins by phones and the like; those that would bring two unionids together join nothing.

    Tried on a copy: where the whole would clash, every bridge (an id that links two groups) stands alone.
    """
    trial = _Sets(identities)
    for group in sets.groups():
        first = min(group)
        for member in group:
            trial.join(first, member)
    for link in rest:
        trial.join(link.low_id, link.high_id)
    linked: dict[int, set[int]] = defaultdict(set)
    for link in rest:
        linked[link.low_id].add(link.high_id)
        linked[link.high_id].add(link.low_id)
    bad: set[int] = set()
    for group in trial.groups():
        unionids = [i for i in sorted(group) if identities[i].kind == "unionid"]
        if not _clash(unionids, identities, sets):
            continue
        for one in sorted(group):
            reached = {sets.find(other) for other in linked[one]} - {sets.find(one)}
            if identities[one].kind in ("phone", "member") and len(reached) > 1:
                bad.add(one)
                conflicts[one] = unionids
    for link in rest:
        if link.low_id not in bad and link.high_id not in bad:
            sets.join(link.low_id, link.high_id)
