"""Erases ids with all that came through them; a customer who has no id left is erased whole.

What is decided here, and why: docs/decisions/0014-what-an-erasure-takes.md, docs/privacy.md.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.app import core
from wxtag.companies import hash_key
from wxtag.database import changed
from wxtag.events.decoded import IdentityKey
from wxtag.follow_users import LIVE
from wxtag.identities import PHONE
from wxtag.identity import regroup
from wxtag.models import (
    Account,
    Company,
    Conflict,
    Consent,
    Customer,
    Erased,
    Event,
    Field,
    FollowUser,
    History,
    Identity,
    InboxMessage,
    Link,
    Lookup,
    Mark,
    Merge,
    Touched,
    Verdict,
)
from wxtag.privacy.deleting import delete_whole
from wxtag.privacy.tombstones import bury, tombstone
from wxtag.sealing import keyed_hash

ANCHORS = ("openid", "external_userid", "member")
"""Ids under which somebody comes to us. A unionid or a phone is known only through one of these."""
PERSONS = ("openid", "external_userid")
"""Ids by whose hash the inbox knows whom a message is about."""


def erase(
    session: Session, company: Company, identity_ids: Collection[int], cause: str, actor: str, at: int
) -> set[int]:
    """Erases these ids, and those that were known only through them; returns the customers that are left.

    `at`: nothing that came until then brings them back.
    """
    session.flush()
    ids = _with_orphans(session, set(identity_ids))
    gone = rows.having(session, Identity, Identity.id, ids)
    if not gone:
        return set()
    customers = {one.customer_id for one in gone}
    _record(session, company, gone, cause, actor, at)
    _forget_elsewhere(session, company, customers, ids)
    delete_whole(session, Identity.__table__, ids)  # type: ignore[arg-type]
    _let_go(session)
    stay = set(session.scalars(select(Identity.id).where(Identity.customer_id.in_(customers))))
    # Whom only the erased ids held together are no longer one person.
    left = customers | regroup(session, stay, "erasure")
    return {one for one in left if _left_over(session, one)}


def erase_customer(session: Session, company: Company, customer_id: int, actor: str) -> list[FollowUser]:
    """Erases everything that is known of a customer. Returns the relations that WeCom still has.

    Those stay as a bare pair of ids, of a customer about whom nothing is known: what we put on them has to
    be taken off, and only the member of staff can end the friendship.
    """
    at = clock.now()
    mine = {one.id: one for one in rows.having(session, Identity, Identity.customer_id, [customer_id])}
    bare = {one.identity_id for one in _follow_users(session, mine) if one.status in LIVE}
    if bare:
        _strip(session, company, [mine[one] for one in sorted(bare)], actor, at)
    erase(session, company, set(mine) - bare, "request", actor, at)
    _left_over(session, customer_id)
    return [one for one in _follow_users(session, bare) if one.status in LIVE]


def bury_unknown(
    session: Session, company: Company, key: IdentityKey, cause: str, actor: str, at: int
) -> None:
    """Empties what the inbox keeps of somebody who is not among the customers, and keeps them away."""
    _record(session, company, [Identity(kind=key.kind, scope=key.scope, value=key.value)], cause, actor, at)


def _record(
    session: Session, company: Company, gone: Collection[Identity], cause: str, actor: str, at: int
) -> None:
    """Empties their messages, and writes down what is left of them: counts, and hashes to know them by."""
    ids = [one.id for one in gone if one.id is not None]
    counts = {"identities": len(ids), "events": _counts(session, ids)}
    counts["messages"] = _erase_messages(session, company, gone)
    row = Erased(company_id=company.id, cause=cause, actor=actor[:190], counts=counts, at=at)
    session.add(row)
    session.flush()
    bury(session, company, [tombstone(company, one.kind, one.scope, one.value) for one in gone], row.id, at)


def _with_orphans(session: Session, ids: set[int]) -> set[int]:
    """Adds unionids and phones that only these ids tied to anybody, and that have nothing of their own."""
    customers = select(Identity.customer_id).where(Identity.id.in_(ids))
    others = {
        one.id: one
        for one in session.scalars(select(Identity).where(Identity.customer_id.in_(customers)))
        if one.id not in ids
    }
    near: dict[int, set[int]] = {one: set() for one in others}
    for link in session.scalars(select(Link).where(or_(Link.low_id.in_(others), Link.high_id.in_(others)))):
        if link.low_id in near and link.high_id in near:
            near[link.low_id].add(link.high_id)
            near[link.high_id].add(link.low_id)
    held = {one for one, row in others.items() if row.kind in ANCHORS or _has_own(session, one)}
    wave = set(held)
    while wave:
        wave = {other for one in wave for other in near[one]} - held
        held |= wave
    return ids | {one for one, row in others.items() if one not in held and row.kind in ("unionid", PHONE)}


def _has_own(session: Session, identity_id: int) -> bool:
    return any(
        session.scalar(select(model.id).where(model.identity_id == identity_id).limit(1)) is not None
        for model in (Event, Field)
    )


def _counts(session: Session, ids: Collection[int]) -> dict[str, dict[str, int]]:
    """How many events of each kind there were in each month: counts without a person."""
    found: dict[str, Counter[str]] = {}
    for some in rows.chunks(ids):
        for kind, at in session.execute(select(Event.kind, Event.at).where(Event.identity_id.in_(some))):
            month = datetime.fromtimestamp(at / 1000, core().settings.zone).strftime("%Y-%m")
            found.setdefault(month, Counter())[kind] += 1
    return {month: dict(counts) for month, counts in sorted(found.items())}


def _erase_messages(session: Session, company: Company, gone: Collection[Identity]) -> int:
    """Empties what the inbox keeps of them, and drops the questions about them. Says how many messages."""
    key = hash_key(company, core().sealer)
    named = [one for one in gone if one.kind in PERSONS]
    for one in named:
        asked = select(Account.id).where(Account.company_id == company.id, Account.key == one.scope)
        session.execute(delete(Lookup).where(Lookup.account_id.in_(asked), Lookup.subject == one.value))
    hashes = {keyed_hash(key, "person", one.scope, one.value) for one in named}
    ids = [one.id for one in gone if one.id is not None]
    messages = {one.origin.get("message") for one in gone if one.origin}
    for some in rows.chunks(ids):
        messages |= set(session.scalars(select(Event.message_id).where(Event.identity_id.in_(some))))
        messages |= set(
            session.scalars(select(Link.message_id).where(or_(Link.low_id.in_(some), Link.high_id.in_(some))))
        )
    emptied = 0
    for chunk in rows.chunks(hashes):
        emptied += _empty(session, company, InboxMessage.person_hash.in_(chunk))
    for numbers in rows.chunks(one for one in messages if one is not None):
        emptied += _empty(session, company, InboxMessage.id.in_(numbers))
    return emptied


def _empty(session: Session, company: Company, which: ColumnElement[bool]) -> int:
    return changed(
        session,
        update(InboxMessage)
        .where(InboxMessage.company_id == company.id, InboxMessage.state != "erased", which)
        .values(body=b"", query={}, sealed=False, state="erased", error=None, claim=None, claimed_until=0)
        .execution_options(synchronize_session=False),
    )


def _forget_elsewhere(session: Session, company: Company, customers: set[int], ids: set[int]) -> None:
    """Rows that name ids without a foreign key: the log of merges, open conflicts, lines of a relation."""
    for row in session.scalars(
        select(Merge).where(or_(Merge.survivor_id.in_(customers), Merge.other_id.in_(customers)))
    ):
        row.moved = [one for one in row.moved if one not in ids]
        row.stayed = [one for one in row.stayed if one not in ids]
    for conflict in session.scalars(select(Conflict).where(Conflict.company_id == company.id)):
        if ids & set(conflict.evidence.get("sides", ())):
            session.delete(conflict)  # one that still is a conflict is found again
    for some in rows.chunks(one.id for one in _follow_users(session, ids)):
        session.execute(delete(History).where(History.follow_user_id.in_(some)))
    session.flush()


def _let_go(session: Session) -> None:
    """Rows were deleted behind the session's back: it must not remember them."""
    for one in list(session):
        if not isinstance(one, Company | Account | Erased):
            session.expunge(one)


def _follow_users(session: Session, identity_ids: Collection[int]) -> list[FollowUser]:
    return rows.having(session, FollowUser, FollowUser.identity_id, identity_ids)


def rename(session: Session, customer_id: int) -> bool:
    """The customer's name is made anew from the ids that are left; says whether there is any."""
    name = session.scalars(
        select(Identity.name)
        .where(Identity.customer_id == customer_id)
        .order_by(Identity.name == "", Identity.named_at.desc(), Identity.id)
        .limit(1)
    ).first()
    if name is not None:
        session.execute(update(Customer).where(Customer.id == customer_id).values(name=name))
    return name is not None


def _left_over(session: Session, customer_id: int) -> bool:
    """Whether the customer still has an id; without one they go."""
    if not rename(session, customer_id):
        _erase_empty(session, customer_id)
        return False
    # Reasons tell what somebody did; which of it was the erased id's nobody can tell.
    session.execute(
        update(History)
        .where(History.customer_id == customer_id, History.verb.in_(("tagged", "untagged")))
        .values(text="")
    )
    return True


def _erase_empty(session: Session, customer_id: int) -> None:
    """A customer without ids goes, with everyone who became them and has no ids either."""
    all_of_them, wave = {customer_id}, {customer_id}
    while wave:
        wave = set(session.scalars(select(Customer.id).where(Customer.merged_into.in_(wave)))) - all_of_them
        all_of_them |= wave
    for model in (History, Touched):
        session.execute(delete(model).where(model.customer_id.in_(all_of_them)))
    session.execute(update(Identity).where(Identity.home_id.in_(all_of_them)).values(home_id=None))
    session.execute(update(Customer).where(Customer.id.in_(all_of_them)).values(merged_into=None))
    delete_whole(session, Customer.__table__, all_of_them)  # type: ignore[arg-type]


def _strip(session: Session, company: Company, friends: list[Identity], actor: str, at: int) -> None:
    """Leaves of these contacts nothing but the pair of ids, of a customer of their own."""
    ids = [one.id for one in friends]
    _record(session, company, friends, "request", actor, at)
    _forget_elsewhere(session, company, {one.customer_id for one in friends}, set(ids))
    relations = [one.id for one in _follow_users(session, ids)]
    for model in (Event, Field, Consent, Mark, Conflict):
        session.execute(delete(model).where(model.identity_id.in_(ids)))
    for pair in (Link, Verdict):
        session.execute(delete(pair).where(or_(pair.low_id.in_(ids), pair.high_id.in_(ids))))
    session.execute(delete(Mark).where(Mark.follow_user_id.in_(relations)))
    session.execute(
        update(FollowUser).where(FollowUser.id.in_(relations)).values(remark=None, state=None, add_way=None)
    )
    customer = Customer(company_id=company.id, created_at=at)
    session.add(customer)
    session.flush()
    session.execute(
        update(Identity)
        .where(Identity.id.in_(ids))
        .values(name="", named_at=at, origin={}, home_id=None, customer_id=customer.id)
    )
    session.add(Touched(company_id=company.id, customer_id=customer.id, at=at))
    session.flush()
    _let_go(session)
