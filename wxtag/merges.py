"""Gives each group of ids its customer, brings back the ones who had become others, and writes down both."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from wxtag import clock, rows, texts
from wxtag.disputes import ORDER
from wxtag.grouping import Component
from wxtag.models import Customer, History, Identity, Link, Merge, Verdict

WEAK = ORDER["phone"]


def assign(
    session: Session, component: Component, groups: list[set[int]], actor: str, fresh: set[int]
) -> set[int]:
    """Each id belongs to the customer that it came with (its home); a group bears the oldest of its homes.

    A customer goes where most of its own ids are, and answers with that group's customer; so whatever is
    kept under its number comes back with it. `fresh`: customers that nobody has seen yet leave no trace.
    Returns the customers touched.
    """
    identities = component.identities
    before = {one: row.customer_id for one, row in identities.items()}
    homes = {one: row.home_id or row.customer_id for one, row in identities.items()}
    customers = {row.id: row for row in rows.by_id(session, Customer, {*homes.values(), *before.values()})}
    # A home may have been erased with what it held.
    homes = {one: home if home in customers else before[one] for one, home in homes.items()}
    for group in groups:
        _take_in(component, group, homes, fresh)
    won = _winners(groups, homes, identities)
    log = _Log(session, component, actor, before)
    now_of: dict[int, int] = {}
    for number, group in enumerate(groups):
        mine = won.get(number, set())
        survivor = min(mine) if mine else log.begin(group)
        for one in group:
            now_of[one] = survivor
            home = homes[one] if homes[one] in mine else survivor
            identities[one].customer_id = survivor
            identities[one].home_id = None if home == survivor else home
    answers = {home: min(mine) for mine in won.values() for home in mine}
    for number, mine in won.items():
        for home in sorted(mine):
            came = {one for one in groups[number] if homes[one] == home}
            _answer(log, customers, answers, home, came, groups[number])
    gone = fresh & set(before.values()) - set(now_of.values()) - set(homes.values())
    rows.save(session)
    for some in rows.chunks(gone):
        session.execute(delete(Customer).where(Customer.id.in_(some)))
    for one, customer_id in now_of.items():
        if customer_id != before[one]:
            log.touched |= {customer_id, before[one]}
    touched = log.touched - gone
    name_customers(session, touched)
    return touched


def _take_in(component: Component, group: set[int], homes: dict[int, int], fresh: set[int]) -> None:
    """Ids that are new come with the one that they were named with, the nearest that was known."""
    new = {one for one in group if homes[one] in fresh}
    if not new:
        return
    if new == group:
        eldest = min(homes[one] for one in group)
        homes.update(dict.fromkeys(group, eldest))
        return
    near: dict[int, set[int]] = defaultdict(set)
    ties: list[Link | Verdict] = [*component.links.values(), *component.verdicts.values()]
    for link in ties:
        if link.low_id in group and link.high_id in group:
            near[link.low_id].add(link.high_id)
            near[link.high_id].add(link.low_id)
    edge = sorted(group - new)
    while edge:
        reached: dict[int, int] = {}
        for one in edge:
            for other in near[one] & new:
                reached[other] = min(reached.get(other, homes[one]), homes[one])
        homes.update(reached)
        new -= set(reached)
        edge = sorted(reached)


def _winners(
    groups: list[set[int]], homes: dict[int, int], identities: dict[int, Identity]
) -> dict[int, set[int]]:
    """The customers that each group has: of a customer whose own ids fell apart, the larger part wins."""
    parts: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, group in enumerate(groups):
        for one in group:
            parts[homes[one]][number].append(one)
    won: dict[int, set[int]] = defaultdict(set)
    for home, several in parts.items():

        def weight(number: int, of: dict[int, list[int]] = several) -> tuple[int, int, int]:
            known = sum(1 for one in of[number] if ORDER.get(identities[one].kind, WEAK) < WEAK)
            return known, len(of[number]), -min(of[number])

        won[max(several, key=weight)].add(home)
    return won


def _answer(
    log: "_Log",
    customers: dict[int, Customer],
    answers: dict[int, int],
    home: int,
    came: set[int],
    group: set[int],
) -> None:
    """Sets with whom a customer answers, and writes down what changed about it.

    One that became a customer who became this group's needs no change: its way leads there.
    """
    row, survivor = customers[home], answers[home]
    way = row.merged_into
    while way is not None and way not in answers:
        former = customers.get(way) or log.session.get(Customer, way)
        way = former.merged_into if former else None
    if row.merged_into is None and home == survivor:
        return
    if row.merged_into is not None and home != survivor and way is not None and answers[way] == survivor:
        return
    if row.merged_into is not None:
        log.undone(home)
    if home == survivor:
        row.merged_into = None
        log.split(log.before[min(came)], home, group)
        return
    moved = {one for one in group if log.before[one] == home} if row.merged_into is None else came
    row.merged_into = survivor
    log.merged(survivor, home, sorted(moved), sorted(group - moved))


class _Log:
    """Writes merges and splits into their log and into the histories of the customers."""

    def __init__(self, session: Session, component: Component, actor: str, before: dict[int, int]) -> None:
        self.session, self.component, self.actor, self.before = session, component, actor, before
        self.touched: set[int] = set()
        self.now = clock.now()
        self.company_id = next(iter(component.identities.values())).company_id

    def merged(self, survivor: int, other: int, moved: list[int], stayed: list[int]) -> None:
        ends = set(moved), set(stayed)
        crossing = [
            link
            for link in self.component.links.values()
            if (link.low_id in ends[0] and link.high_id in ends[1])
            or (link.low_id in ends[1] and link.high_id in ends[0])
        ]
        link = min(crossing, key=lambda one: one.id, default=None)
        reason = link.source if link else self.actor
        self._merge("merge", survivor, other, moved, stayed, link.id if link else None, reason)
        details: dict[str, Any] = {"survivor": survivor, "other": other, "reason": reason}
        self._tell(survivor, "merged", texts.MERGED_IN.format(other), details)
        self._tell(other, "merged", texts.MERGED_INTO.format(survivor), details)

    def begin(self, group: set[int]) -> int:
        """A new customer, for ids that left the one that they came with."""
        customer = Customer(company_id=self.company_id, name="", created_at=self.now)
        self.session.add(customer)
        self.session.flush()
        self.split(self.before[min(group)], customer.id, group)
        return customer.id

    def split(self, left: int, came_back: int, group: set[int]) -> None:
        self._merge("split", left, came_back, sorted(group), [], None, "the evidence no longer joins them")
        details = {"survivor": left, "other": came_back}
        for customer_id in (left, came_back):
            self._tell(customer_id, "split", texts.SPLIT_OUT.format(came_back, left), details)

    def undone(self, other: int) -> None:
        for row in self.session.scalars(
            select(Merge).where(Merge.other_id == other, Merge.verb == "merge", Merge.undone_at.is_(None))
        ):
            row.undone_at = self.now

    def _merge(
        self,
        verb: str,
        survivor: int,
        other: int,
        moved: list[int],
        stayed: list[int],
        link_id: int | None,
        reason: str,
    ) -> None:
        self.session.add(
            Merge(
                company_id=self.company_id,
                verb=verb,
                survivor_id=survivor,
                other_id=other,
                moved=moved,
                stayed=stayed,
                link_id=link_id,
                reason=reason[:190],
                actor=self.actor[:190],
                at=self.now,
            )
        )

    def _tell(self, customer_id: int, verb: str, text: str, details: dict[str, Any]) -> None:
        self.touched.add(customer_id)
        self.session.add(
            History(
                company_id=self.company_id,
                customer_id=customer_id,
                verb=verb,
                actor=self.actor[:190],
                text=text,
                details=details,
                at=self.now,
            )
        )


def name_customers(session: Session, customer_ids: Iterable[int]) -> None:
    """A customer is called by the newest name that one of its ids has."""
    named: dict[int, tuple[int, int, str]] = {}
    for row in rows.having(session, Identity, Identity.customer_id, customer_ids, Identity.name != ""):
        newest = (row.named_at, -row.id, row.name)
        named[row.customer_id] = max(named.get(row.customer_id, newest), newest)
    for customer in rows.having(session, Customer, Customer.id, named, Customer.merged_into.is_(None)):
        if customer.name != named[customer.id][2]:
            customer.name = named[customer.id][2]
