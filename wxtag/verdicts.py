"""What people say about customers: these two are one, this merge was wrong, that conflict is so."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from wxtag import clock, rows, touch
from wxtag.conflicts import REFUSED
from wxtag.disputes import ORDER
from wxtag.errors import InputError, NotFound
from wxtag.identity import current, regroup
from wxtag.models import Conflict, Identity, Merge, Verdict

SAME, DIFFERENT = "same", "different"


def merge(session: Session, company_id: int, one_id: int, other_id: int, actor: str) -> int:
    """A person says that two customers are one. Returns the customer that both are now."""
    one, other = current(session, company_id, one_id), current(session, company_id, other_id)
    if one == other:
        raise InputError(f"{one_id} and {other_id} are one customer already")
    ours, theirs = _ids_of(session, one), _ids_of(session, other)
    if not ours or not theirs:
        raise InputError("a customer without any id cannot be merged")
    _say_same(session, company_id, ours, theirs, (_own(ours), _own(theirs)), actor)
    _settle(session, company_id, [*ours, *theirs], actor)
    return current(session, company_id, one)


def split(session: Session, company_id: int, merge_id: int, actor: str) -> int:
    """Undoes a merge: the two sides are remembered as different. Returns the customer that came back.

    What came since goes with the side whose ids its evidence names; what names both stands alone, for review.
    """
    row = session.get(Merge, merge_id)
    if row is None or row.company_id != company_id or row.verb != "merge":
        raise NotFound(f"there is no merge {merge_id}")
    if row.undone_at is not None:
        raise InputError(f"merge {merge_id} was undone already")
    moved = rows.having(session, Identity, Identity.id, row.moved, Identity.company_id == company_id)
    stayed = rows.having(session, Identity, Identity.id, row.stayed, Identity.company_id == company_id)
    together = {one.customer_id for one in moved} & {one.customer_id for one in stayed}
    moved = [one for one in moved if one.customer_id in together]
    stayed = [one for one in stayed if one.customer_id in together]
    if not together:
        raise InputError(f"merge {merge_id} has nothing to undo: its two sides are not one customer any more")
    _say_different(session, company_id, moved, stayed, actor)
    _settle(session, company_id, [*moved, *stayed], actor)
    row.undone_at = row.undone_at or clock.now()
    session.flush()
    return current(session, company_id, row.other_id)


def decide(session: Session, company_id: int, conflict_id: int, decision: str, actor: str) -> None:
    """A person says whether the sides of a conflict are one; it stands until somebody decides again."""
    conflict = session.get(Conflict, conflict_id)
    if conflict is None or conflict.company_id != company_id:
        raise NotFound(f"there is no conflict {conflict_id}")
    if decision not in (SAME, DIFFERENT):
        raise InputError(f"decision is {decision!r}: expected same or different")
    sides: list[int] = list(conflict.evidence["sides"])
    if conflict.kind == REFUSED:
        # Is it, in spite of the platform, an id of the customer who has it?
        sides = [
            one.id for one in _ids_of(session, session.get_one(Identity, conflict.identity_id).customer_id)
        ]
    everyone = [conflict.identity_id, *sides]
    if conflict.decision is not None:
        session.execute(
            delete(Verdict).where(Verdict.company_id == company_id, Verdict.conflict_id == conflict.id)
        )
        _settle(session, company_id, everyone, actor)
    found = rows.having(session, Identity, Identity.id, sides, Identity.company_id == company_id)
    groups = [_ids_of(session, customer) for customer in sorted({one.customer_id for one in found})]
    pairs = list(combinations(groups, 2))
    if conflict.kind == REFUSED:
        _say_of_refused(session, company_id, conflict, found, decision, actor)
    elif decision == SAME:
        shown = {one.customer_id: one for one in sorted(found, key=_rank, reverse=True)}
        for ours, theirs in pairs:
            named = shown[ours[0].customer_id], shown[theirs[0].customer_id]
            _say_same(session, company_id, ours, theirs, named, actor, conflict.id)
    elif len(groups) == 1:
        raise InputError(
            f"the sides of conflict {conflict_id} were merged since: undo that merge first "
            "(the history of the customer names it)"
        )
    else:
        if conflict.kind == "proposed":
            # Only the id itself was in question: nothing is said of the others among themselves.
            own = {one.id for one in found if one.id == conflict.identity_id}
            pairs = [pair for pair in pairs if any(one.id in own for side in pair for one in side)]
        for ours, theirs in pairs:
            _say_different(session, company_id, ours, theirs, actor, conflict.id)
    conflict.state, conflict.decision, conflict.actor = "decided", decision, actor
    conflict.decided_at = clock.now()
    _settle(session, company_id, everyone, actor)


def _say_of_refused(
    session: Session, company_id: int, conflict: Conflict, found: list[Identity], decision: str, actor: str
) -> None:
    """Whether an id that the platform refused is its customer's all the same."""
    mine = [one for one in found if one.id == conflict.identity_id]
    for one in mine:
        one.active = decision == SAME
    if decision == DIFFERENT:
        others = [one for one in found if one not in mine]
        _say_different(session, company_id, mine, others, actor, conflict.id)


def _settle(session: Session, company_id: int, identities: Iterable[Identity | int], actor: str) -> None:
    """Works out who is one person now, and has their tags computed again."""
    session.flush()
    ids = {one if isinstance(one, int) else one.id for one in identities}
    touch.touch(session, company_id, regroup(session, ids, actor))
    session.flush()


def _rank(one: Identity) -> tuple[int, int]:
    return ORDER.get(one.kind, len(ORDER)), one.id


def _ids_of(session: Session, customer_id: int) -> list[Identity]:
    found = session.scalars(select(Identity).where(Identity.customer_id == customer_id))
    return sorted(found, key=_rank)


def _own(ids: Sequence[Identity]) -> Identity:
    """One that the customer did not get from another: what is merged now stays with it if that one leaves."""
    return next((one for one in ids if one.home_id is None), ids[0])


def _say_same(
    session: Session,
    company_id: int,
    ours: Sequence[Identity],
    theirs: Sequence[Identity],
    named: tuple[Identity, Identity],
    actor: str,
    conflict_id: int | None = None,
) -> None:
    """Of one id of each side (`named`); whatever was called different between the sides no longer is."""
    one_side, other_side = [one.id for one in ours], [one.id for one in theirs]
    crossing = or_(
        and_(Verdict.low_id.in_(one_side), Verdict.high_id.in_(other_side)),
        and_(Verdict.low_id.in_(other_side), Verdict.high_id.in_(one_side)),
    )
    session.execute(
        delete(Verdict).where(Verdict.company_id == company_id, Verdict.verb == DIFFERENT, crossing)
    )
    pairs = {(named[0].id, named[1].id)}
    _say(session, company_id, pairs, SAME, actor, conflict_id)


def _say_different(
    session: Session,
    company_id: int,
    ours: Sequence[Identity],
    theirs: Sequence[Identity],
    actor: str,
    conflict_id: int | None = None,
) -> None:
    """Of every id of the one and every id of the other: no other way joins them again."""
    pairs = {(one.id, other.id) for one in ours for other in theirs}
    _say(session, company_id, pairs, DIFFERENT, actor, conflict_id)


def _say(
    session: Session,
    company_id: int,
    pairs: set[tuple[int, int]],
    verb: str,
    actor: str,
    conflict_id: int | None,
) -> None:
    now, ordered = clock.now(), {(min(pair), max(pair)) for pair in pairs}
    for row in rows.having(
        session, Verdict, Verdict.low_id, {low for low, _ in ordered}, Verdict.company_id == company_id
    ):
        if (row.low_id, row.high_id) in ordered:
            ordered.discard((row.low_id, row.high_id))
            row.verb, row.actor, row.at, row.conflict_id = verb, actor[:190], now, conflict_id
    session.flush()
    rows.add_all(
        session,
        Verdict,
        [
            {
                "company_id": company_id,
                "low_id": low,
                "high_id": high,
                "verb": verb,
                "conflict_id": conflict_id,
                "actor": actor[:190],
                "at": now,
            }
            for low, high in sorted(ordered)
        ],
    )
