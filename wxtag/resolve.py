"""Writes down what messages mean, many at once: ids, evidence, events, profiles, relations, questions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import conflicts, consequences, relations, rows, touch
from wxtag.errors import InputError
from wxtag.events.decoded import Decoded, IdentityKey
from wxtag.identities import find_or_make
from wxtag.identity import Evidence, connect_all, regroup
from wxtag.leases import lock
from wxtag.models import Company, Customer, Event, Identity
from wxtag.privacy.tombstones import without_erased

HELD = "wxtag companies held"
Found = Mapping[IdentityKey, Identity]


@dataclass(frozen=True)
class Meant:
    """One message's meaning, and where it came from."""

    decoded: Decoded
    message_id: int | None = None
    account_id: int | None = None
    received_at: int = 0
    """Epoch milliseconds."""


def apply(
    session: Session,
    company_id: int,
    decoded: Decoded,
    message_id: int | None = None,
    account_id: int | None = None,
    received_at: int = 0,
) -> set[int]:
    """Everything that follows from one message; see apply_all."""
    return apply_all(session, company_id, [Meant(decoded, message_id, account_id, received_at)])


def apply_all(session: Session, company_id: int, meant: Sequence[Meant]) -> set[int]:
    """Everything that follows from these messages of one company, in the caller's transaction.

    They are in the order in which they came. Says which customers it touches. May run twice for one
    message: events carry a uid, the rest are facts that are the same the second time.
    """
    company = one_at_a_time(session, company_id)
    touched: set[int] = set()
    run: list[Meant] = []
    for one in meant:
        decoded = without_erased(session, company, one.decoded, one.received_at, one.message_id)
        run.append(one if decoded is one.decoded else replace(one, decoded=decoded))
        if decoded.consequences:
            # What came before it is written first; what comes after it may be of the same person.
            touched |= _take_in(session, company, run)
            touched |= consequences.follow(session, company, decoded, one.message_id)
            touched, run = consequences.still_there(session, touched), []
    return touched | _take_in(session, company, run) if run else touched


def _take_in(session: Session, company: Company, meant: Sequence[Meant]) -> set[int]:
    company_id = company.id
    keys: dict[IdentityKey, int | None] = {}
    for one in meant:
        for key in _keys(one.decoded):
            keys.setdefault(key, one.message_id)
    found, fresh = find_or_make(session, company, keys)
    evidence = connect_all(
        session,
        company_id,
        [
            Evidence(found[link.one].id, found[link.other].id, link.source, one.message_id, link.verified)
            for one in meant
            for link in one.decoded.links
        ],
    )
    touched = regroup(session, evidence, fresh=fresh) if evidence else set()
    touched |= _profiles(session, found, meant)
    touched |= _events(session, company_id, found, meant)
    touched |= relations.take_in(
        session, company_id, found, [(one.decoded.relations, one.decoded.all_relations) for one in meant]
    )
    conflicts.refuse(
        session, {found[no.who].id: (no.code, one.message_id) for one in meant for no in one.decoded.refusals}
    )
    touch.ask_all(session, company_id, [q for one in meant for q in one.decoded.questions])
    if any(one.decoded.library_changed for one in meant):
        touch.want_library(session, company_id)
    return touched


def one_at_a_time(session: Session, company_id: int) -> Company:
    """The company; until the transaction ends nobody else writes about its people.

    So looking whether something is there already, and adding it, need no savepoint of their own. What is
    held is a row of its own: a lock on the company's row would hold up every insert that refers to it.
    """
    transaction = session.get_transaction()
    since, companies = session.info.get(HELD, (None, {}))
    if since is not transaction:
        companies = {}
        session.info[HELD] = (transaction, companies)
    if company_id not in companies:
        lock(session, f"people:{company_id}")
        companies[company_id] = session.get(Company, company_id)
    found = companies[company_id]
    assert isinstance(found, Company), company_id
    return found


def _keys(decoded: Decoded) -> Iterator[IdentityKey]:
    yield from decoded.identities
    yield from (event.who for event in decoded.events)
    for link in decoded.links:
        yield link.one
        yield link.other
    yield from (profile.who for profile in decoded.profiles)
    yield from (refusal.who for refusal in decoded.refusals)
    for relation in decoded.relations:
        yield relations.identity_key(relation)


def _profiles(session: Session, found: Found, meant: Iterable[Meant]) -> set[int]:
    """The newest name of each id, which becomes the customer's; and who can be reached (no longer)."""
    touched: set[int] = set()
    named: dict[int, str] = {}
    for profile in (profile for one in meant for profile in one.decoded.profiles):
        identity = found[profile.who]
        if profile.name and profile.at >= identity.named_at and profile.name != identity.name:
            identity.name, identity.named_at = profile.name[:190], profile.at
            named[identity.customer_id] = identity.name
        if profile.active is not None and profile.active != identity.active:
            identity.active = profile.active
            touched.add(identity.customer_id)
    for customer in rows.having(session, Customer, Customer.id, named):
        customer.name = named[customer.id]
    rows.save(session)
    return touched


def _events(session: Session, company_id: int, found: Found, meant: Iterable[Meant]) -> set[int]:
    """Keeps the events that are new; says whose they are."""
    new: dict[str, dict[str, Any]] = {}
    customers: dict[str, int] = {}
    for one in meant:
        for number, event in enumerate(one.decoded.events):
            if event.uid is None and one.message_id is None:
                raise InputError("an event from elsewhere needs an id, so that it counts once")
            uid = event.uid or f"{one.message_id}:{number}"
            customers.setdefault(uid, found[event.who].customer_id)
            new.setdefault(
                uid,
                {
                    "company_id": company_id,
                    "identity_id": found[event.who].id,
                    "kind": event.kind,
                    "at": event.at,
                    "uid": uid,
                    "account_id": one.account_id,
                    "message_id": one.message_id,
                    "channel": event.channel[:128] if event.channel else None,
                    "place": event.place,
                    "properties": event.properties,
                },
            )
    for some in rows.chunks(list(new)):
        there = select(Event.uid).where(Event.company_id == company_id, Event.uid.in_(some))
        for uid in session.scalars(there):
            del new[uid]
    rows.add_all(session, Event, list(new.values()))
    return {customers[uid] for uid in new}
