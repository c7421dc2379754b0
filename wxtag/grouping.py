"""Who is one person, worked out from a set of identities and what is known of them; no database here.

The outcome depends on the set alone, never on the order in which it came. Evidence is taken in four steps,
the strongest first, and in each step what would bring two different people together joins nothing.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from wxtag.disputes import ACCOUNTS, Dispute, Judge, Sets
from wxtag.models import Identity, Link, Verdict

VISITOR = "visitor"
Edge = tuple[int, int]


@dataclass
class Component:
    """Identities that evidence connects, that evidence, and what people decided about them."""

    identities: dict[int, Identity] = field(default_factory=dict)
    links: dict[int, Link] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    proposals: dict[int, Link] = field(default_factory=dict)
    """Evidence that only proposes."""
    guests: set[int] = field(default_factory=set)
    """Ids that are here for what proposes to join them; what else is proposed about them is not known."""
    crowded: set[int] = field(default_factory=set)
    """Ids that stand alone because a crowd shares them; their evidence is left out."""


def groups_of(component: Component) -> tuple[list[set[int]], list[Dispute]]:
    """Who is one person; and what joined nobody because it would join two people.

    First what the platforms say of their own ids, which makes WeChat accounts; then what persons decided, who
    may call two accounts one customer; then verified phones and members of other systems; at last visitors: a
    browser that two people used is neither's.
    """
    identities = component.identities
    sets, judge = Sets(identities), Judge(identities, component.verdicts.values())
    same = [(one.low_id, one.high_id) for one in component.verdicts.values() if one.verb == "same"]
    told: list[Edge] = []
    shared: list[Edge] = []
    seen: list[Edge] = []
    for link in component.links.values():
        kinds = {identities[link.low_id].kind, identities[link.high_id].kind}
        step = seen if VISITOR in kinds else told if kinds <= set(ACCOUNTS) else shared
        step.append((link.low_id, link.high_id))
    _join(sets, told, judge)
    _join(sets, same, judge, decided=True)
    _join(sets, shared, judge)
    _join_visitors(sets, seen, judge)
    groups = sets.groups()
    return [groups[root] for root in sorted(groups)], judge.disputes(sets)


def proposed(component: Component, groups: Iterable[set[int]]) -> list[Dispute]:
    """What unverified evidence proposes: for each id that it is about, the ids that it would join."""
    owner = {member: number for number, group in enumerate(groups) for member in group}
    judge = Judge(component.identities, component.verdicts.values())
    members: dict[int, set[int]] = defaultdict(set)
    for member, number in owner.items():
        members[number].add(member)
    asked: dict[int, set[int]] = defaultdict(set)
    for link in component.proposals.values():
        low, high = link.low_id, link.high_id
        if low not in owner or high not in owner or owner[low] == owner[high]:
            continue
        if not judge.told_apart(members[owner[low]], members[owner[high]]):
            weaker, stronger = sorted((low, high), key=judge.rank, reverse=True)
            asked[weaker].add(stronger)
    return [
        Dispute(who, "proposed", [who, *sorted(others, key=judge.rank)], False)
        for who, others in sorted(asked.items())
        if who not in component.guests
    ]


def _join(sets: Sets, edges: Iterable[Edge], judge: Judge, decided: bool = False) -> None:
    """Joins along the edges, but for those that would bring two people together.

    `decided`: the edges are a person's word, so that two accounts in one place are no objection.
    """
    groups = sets.groups()
    between: dict[Edge, list[Edge]] = defaultdict(list)
    for one, other in edges:
        low, high = sorted((sets.find(one), sets.find(other)))
        if low != high and not judge.told_apart(groups[low], groups[high]):
            between[low, high].append((one, other))
    cut: set[Edge] = set()
    near = _near(between)
    for root in sorted(near):
        clash = judge.clash([groups[one] for one in (root, *sorted(near[root]))], decided)
        if clash is None:
            continue
        alone = all(judge.kind(one) not in ACCOUNTS for one in groups[root])
        wrong = {
            (min(root, other), max(root, other))
            for other in near[root]
            if alone or not clash.members.isdisjoint(groups[other])
        }
        ends = {end for pair in wrong for edge in between[pair] for end in edge}
        judge.dispute(groups[root] & ends, clash, ends - groups[root])
        cut |= wrong
    judge.keep_apart(edge for pair in cut for edge in between[pair])
    rest = {pair: several for pair, several in between.items() if pair not in cut}
    for pair in _uncertain(groups, rest, judge, decided):
        del rest[pair]
    for one, other in rest:
        sets.join(one, other)


def _near(between: Iterable[Edge]) -> dict[int, set[int]]:
    near: dict[int, set[int]] = defaultdict(set)
    for one, other in between:
        near[one].add(other)
        near[other].add(one)
    return near


def _uncertain(
    groups: dict[int, set[int]], between: dict[Edge, list[Edge]], judge: Judge, decided: bool
) -> set[Edge]:
    """The edges on ways between two different people that no single id shows: none of them joins.

    Cut is first what lies on the ways of all who clash, so that both people keep what is surely theirs.
    """
    cut: set[Edge] = set()
    while True:
        rest = [pair for pair in between if pair not in cut]
        trial = Sets(groups)
        for one, other in rest:
            trial.join(one, other)
        wrong: set[Edge] = set()
        for whole in trial.groups().values():
            roots = sorted(whole)
            clash = judge.clash([groups[one] for one in roots], decided) if len(roots) > 1 else None
            if clash is not None:
                edges = [pair for pair in rest if pair[0] in whole]
                ways = [_way(edges, roots[one], roots[other]) for one, other in clash.pairs]
                way = set.intersection(*ways) or set.union(*ways)
                ends = {end for pair in way for edge in between[pair] for end in edge}
                for root, others in sorted(_near(way).items()):
                    if len(others) > 1 or len(way) == 1:
                        judge.dispute(groups[root] & ends, clash)
                judge.keep_all_apart(ends)
                wrong |= way
        if not wrong:
            return cut
        cut |= wrong


def _way(edges: Iterable[Edge], start: int, end: int) -> set[Edge]:
    """The edges on the ways from one to the other: what is left when all dead ends are taken off."""
    near = _near(edges)
    leaves = [one for one in near if len(near[one]) == 1 and one not in (start, end)]
    while leaves:
        leaf = leaves.pop()
        for held in near.pop(leaf):
            near[held].discard(leaf)
            if len(near[held]) == 1 and held not in (start, end):
                leaves.append(held)
    return {pair for pair in edges if pair[0] in near and pair[1] in near}


def _join_visitors(sets: Sets, edges: Iterable[Edge], judge: Judge) -> None:
    """A visitor belongs to the one person who was recognised in that browser, or else to nobody."""
    groups = sets.groups()
    people: dict[int, set[int]] = defaultdict(set)
    for edge in edges:
        for one, other in (edge, edge[::-1]):
            if judge.kind(one) == VISITOR and not judge.told_apart({one}, groups[sets.find(other)]):
                people[one].add(other)
    found: list[Edge] = []
    for visitor, others in sorted(people.items()):
        roots = {sets.find(one) for one in (visitor, *others)} - (
            {visitor} if groups[sets.find(visitor)] == {visitor} else set()
        )
        if len(roots) > 1:
            judge.dispute({visitor}, judge.between([groups[root] for root in sorted(roots)]))
        else:
            found += [(visitor, other) for other in others]
    for one, other in found:
        sets.join(one, other)
