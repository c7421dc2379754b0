"""Writes down what a message means: identities, evidence, events, profiles, relations, questions."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, relations, touch
from wxtag.app import core
from wxtag.companies import hash_key
from wxtag.errors import InputError
from wxtag.events.decoded import Decoded, IdentityKey, NewEvent, Profile
from wxtag.identity import connect, regroup
from wxtag.leases import lock
from wxtag.models import Company, Customer, Event, Identity
from wxtag.sealing import keyed_hash

PHONE = "phone"
HELD = "wxtag companies held"


def apply(
    session: Session,
    company_id: int,
    decoded: Decoded,
    message_id: int | None = None,
    account_id: int | None = None,
) -> set[int]:
    """Everything that follows from one message, in the caller's transaction; says which customers it touches.

    May run twice for one message: events carry a uid, the rest are facts that are the same the second time.
    """
    company = one_at_a_time(session, company_id)
    fresh: set[int] = set()
    found = {key: _identity(session, company, key, message_id, fresh) for key in _keys(decoded)}
    evidence: set[int] = set()
    for link in decoded.links:
        one, other = found[link.one], found[link.other]
        if connect(session, company_id, one.id, other.id, link.source, message_id=message_id):
            evidence |= {one.id, other.id}
    touched = regroup(session, evidence, fresh=fresh) if evidence else set()
    for profile in decoded.profiles:
        touched |= _profile(session, found[profile.who], profile)
    for number, event in enumerate(decoded.events):
        if _event(session, company_id, found[event.who], event, number, message_id, account_id):
            touched.add(found[event.who].customer_id)
    for relation in decoded.relations:
        key = IdentityKey("external_userid", relation.corpid, relation.external_userid)
        if relations.note(session, company_id, found[key], relation):
            touched.add(found[key].customer_id)
    for everything in decoded.all_relations:
        touched |= relations.end_others(session, company_id, everything, decoded.relations)
    for question in decoded.questions:
        touch.ask(session, company_id, question)
    if decoded.library_changed:
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


def identity_row(session: Session, company: Company, key: IdentityKey) -> Identity | None:
    """The row of an id, if this company knows it. A phone is looked for by its keyed hash."""
    return session.scalar(
        select(Identity).where(
            Identity.company_id == company.id,
            Identity.kind == key.kind,
            Identity.scope == key.scope,
            Identity.value == stored_value(company, key),
        )
    )


def stored_value(company: Company, key: IdentityKey) -> str:
    if key.kind != PHONE:
        return key.value
    return keyed_hash(hash_key(company, core().sealer), PHONE, key.value)


def _keys(decoded: Decoded) -> Iterable[IdentityKey]:
    keys = dict.fromkeys(decoded.identities)
    keys |= dict.fromkeys(event.who for event in decoded.events)
    for link in decoded.links:
        keys |= dict.fromkeys((link.one, link.other))
    keys |= dict.fromkeys(profile.who for profile in decoded.profiles)
    keys |= dict.fromkeys(
        IdentityKey("external_userid", relation.corpid, relation.external_userid)
        for relation in decoded.relations
    )
    return keys


def _identity(
    session: Session, company: Company, key: IdentityKey, message_id: int | None, fresh: set[int]
) -> Identity:
    """The row of an id; one that was not known begins as a customer of its own, added to `fresh`."""
    row = identity_row(session, company, key)
    if row is not None:
        return row
    if not key.value:
        raise InputError(f"an empty {key.kind} is nobody's id")
    now = clock.now()
    customer = Customer(company_id=company.id, created_at=now)
    row = Identity(
        customer=customer,
        company_id=company.id,
        kind=key.kind,
        scope=key.scope,
        value=stored_value(company, key),
        sealed=core().sealer.seal(key.value, PHONE) if key.kind == PHONE else None,
        origin={"message": message_id} if message_id else {},
        created_at=now,
    )
    session.add(row)
    session.flush()
    fresh.add(customer.id)
    return row


def _profile(session: Session, identity: Identity, profile: Profile) -> set[int]:
    changed = False
    if profile.name and profile.at >= identity.named_at and profile.name != identity.name:
        identity.name, identity.named_at = profile.name[:190], profile.at
        customer = session.get(Customer, identity.customer_id)
        if customer is not None:
            customer.name = identity.name
    if profile.active is not None and profile.active != identity.active:
        identity.active, changed = profile.active, True
    return {identity.customer_id} if changed else set()


def _event(
    session: Session,
    company_id: int,
    identity: Identity,
    event: NewEvent,
    number: int,
    message_id: int | None,
    account_id: int | None,
) -> bool:
    """Keeps one event; says whether it is new."""
    if event.uid is None and message_id is None:
        raise InputError("an event from elsewhere needs an id, so that it counts once")
    uid = event.uid or f"{message_id}:{number}"
    there = select(Event.id).where(Event.company_id == company_id, Event.uid == uid)
    if session.scalar(there) is not None:
        return False
    session.add(
        Event(
            company_id=company_id,
            identity_id=identity.id,
            kind=event.kind,
            at=event.at,
            uid=uid,
            account_id=account_id,
            message_id=message_id,
            channel=event.channel[:128] if event.channel else None,
            place=event.place,
            properties=event.properties,
        )
    )
    return True
