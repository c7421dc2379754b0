"""Tells whether ids can belong to one person, and notes what would join two people."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from wxtag.models import Identity, Verdict

ACCOUNTS = ("unionid", "external_userid", "openid")
"""Ids that the platforms give: a WeChat account has one of each in each place (Open Platform account, corp,
appid). Two in one place are two accounts, which only a person may call one customer."""
ORDER = {kind: number for number, kind in enumerate((*ACCOUNTS, "phone", "member", "visitor"))}


@dataclass(frozen=True)
class Dispute:
    """An id about which a person must decide: it speaks for several people."""

    who: int
    kind: str
    """two_unionids, two_accounts, told_apart (a person's decision); or phone, member, visitor; proposed."""
    sides: list[int]
    """One id of each of those people."""
    answered: bool
    """A person has said already that they are different."""


@dataclass(frozen=True)
class Clash:
    """Groups that cannot be one person: of each the ids that show it."""

    kind: str
    sides: list[int]
    members: set[int]
    pairs: list[tuple[int, int]]
    """Which groups, by their places in the list, cannot be one with which."""
    answered: bool


class Sets:
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

    def groups(self) -> dict[int, set[int]]:
        found: dict[int, set[int]] = defaultdict(set)
        for member in sorted(self.parent):
            found[self.find(member)].add(member)
        return found


class Judge:
    """Knows what keeps ids apart: their kinds and places, what people decided, what was found disputed."""

    def __init__(self, identities: Mapping[int, Identity], verdicts: Iterable[Verdict]) -> None:
        self.identities = identities
        self.verdicts: dict[int, set[int]] = defaultdict(set)
        """What people called different."""
        self.doubts: dict[int, set[int]] = defaultdict(set)
        """What stronger evidence left in dispute: weaker evidence does not settle it."""
        self.found: dict[tuple[str, int], Dispute] = {}
        self.same = Sets(identities)
        """Ids that people called one person's."""
        for one in verdicts:
            if one.verb == "same":
                self.same.join(one.low_id, one.high_id)
            else:
                self.verdicts[one.low_id].add(one.high_id)
                self.verdicts[one.high_id].add(one.low_id)

    def kind(self, one: int) -> str:
        return self.identities[one].kind

    def rank(self, one: int) -> tuple[int, str, str]:
        """The order of ids that does not depend on when they came: the best known first."""
        found = self.identities[one]
        return ORDER.get(found.kind, len(ORDER)), found.scope, found.value

    def told_apart(self, ones: Collection[int], others: Collection[int]) -> bool:
        """Did a person call anyone of these and anyone of those different?"""
        return any(not self.verdicts[one].isdisjoint(others) for one in ones if one in self.verdicts)

    def keep_apart(self, edges: Iterable[tuple[int, int]]) -> None:
        for one, other in edges:
            self.doubts[one].add(other)
            self.doubts[other].add(one)

    def keep_all_apart(self, ids: Collection[int]) -> None:
        for one in ids:
            self.doubts[one] |= set(ids) - {one}

    def clash(self, groups: list[set[int]], decided: bool = False) -> Clash | None:
        """Why these groups cannot all be one person, or nothing."""
        owner = {member: number for number, group in enumerate(groups) for member in group}
        shown: dict[int, set[int]] = defaultdict(set)
        pairs: set[tuple[int, int]] = set()
        if not decided:
            places: dict[tuple[str, str], set[int]] = defaultdict(set)
            for member in owner:
                found = self.identities[member]
                if found.kind in ACCOUNTS:
                    places[found.kind, found.scope].add(member)
            for members in places.values():
                if len({self.same.find(one) for one in members}) > 1:
                    pairs |= self._two_accounts(members, owner, shown)
        by_place = bool(pairs)
        for member, number in owner.items():
            for apart in (self.verdicts, self.doubts) if not decided else (self.verdicts,):
                for other in apart.get(member, ()):
                    if owner.get(other, number) != number:
                        shown[number].add(member)
                        pairs.add((min(number, owner[other]), max(number, owner[other])))
        if not pairs:
            return None
        kind = "told_apart"
        if by_place:
            kinds = {self.kind(one) for ids in shown.values() for one in ids}
            kind = "two_unionids" if "unionid" in kinds else "two_accounts"
        return self._clash(kind, groups, shown.values(), pairs)

    def _two_accounts(
        self, members: set[int], owner: Mapping[int, int], shown: dict[int, set[int]]
    ) -> set[tuple[int, int]]:
        """Pairs of groups that have different ids in one place which nobody called the same person's."""
        pairs = set()
        for one, other in combinations(sorted(members), 2):
            if owner[one] != owner[other] and self.same.find(one) != self.same.find(other):
                pairs.add((min(owner[one], owner[other]), max(owner[one], owner[other])))
                shown[owner[one]].add(one)
                shown[owner[other]].add(other)
        return pairs

    def between(self, groups: list[set[int]]) -> Clash:
        """The same for groups that must not be joined whatever they are."""
        return self._clash("told_apart", groups, groups, combinations(range(len(groups)), 2))

    def _clash(
        self,
        kind: str,
        groups: list[set[int]],
        shown: Iterable[set[int]],
        pairs: Iterable[tuple[int, int]],
    ) -> Clash:
        shown, pairs = list(shown), sorted(pairs)
        sides = sorted((min(ids, key=self.rank) for ids in shown), key=self.rank)
        answered = all(self.told_apart(groups[one], groups[other]) for one, other in pairs)
        return Clash(kind, sides, {one for ids in shown for one in ids}, pairs, answered)

    def dispute(self, ids: Collection[int], clash: Clash, others: Collection[int] = ()) -> None:
        """Notes that these ids speak for several people; the best known of them stands for them.

        Where they are themselves what clashes, it is noted for the `others`, at the far ends of the evidence.
        """
        rest = [one for one in ids if one not in clash.members]
        if not rest and any(one not in clash.members for one in others):
            return
        who = min(rest or [*ids, *others], key=self.rank)
        kind = clash.kind if self.kind(who) in ACCOUNTS else self.kind(who)
        known = self.found.get((kind, who), Dispute(who, kind, [], True))
        sides = sorted({*known.sides, *clash.sides}, key=self.rank)
        self.found[kind, who] = Dispute(who, kind, sides, known.answered and clash.answered)

    def disputes(self, sets: Sets) -> list[Dispute]:
        """What was found, with one side for each person; what turned out to be one person is none."""
        found = []
        for one in self.found.values():
            people: dict[int, int] = {}
            for side in one.sides:
                people.setdefault(sets.find(side), side)
            if len(people) > 1:
                found.append(Dispute(one.who, one.kind, list(people.values()), one.answered))
        return found
