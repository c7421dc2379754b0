"""Removes fields that a person no longer allows, wherever they came from: for the id that said so."""

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.app import core
from wxtag.companies import hash_key
from wxtag.events.decoded import Withdrawal
from wxtag.events.privacy import NAME, PHONE, PLACE
from wxtag.identities import identity_row
from wxtag.identity import regroup
from wxtag.models import Company, Consent, Event, Field, Identity, InboxMessage, Link
from wxtag.privacy.erasing import erase, rename
from wxtag.sealing import keyed_hash

HELD_IN = {
    NAME: ("user_info", "fan", "login"),
    PHONE: ("phone",),
    PLACE: ("event.location", "message.location", "event.location_select", "events"),
}
"""Which messages of a person hold the field: emptied, so that a replay does not bring it back."""
PLACES = ("located", "sent_location")


def withdraw(session: Session, company: Company, news: Withdrawal) -> set[int]:
    """Returns the customers that it touches. May be told twice."""
    row = identity_row(session, company, news.who)
    if row is None:
        return set()
    touched = {row.customer_id}
    session.execute(delete(Field).where(Field.identity_id == row.id, Field.name.in_(news.fields)))
    _empty_messages(session, company, row, news.fields)
    if NAME in news.fields and news.at >= row.named_at:
        # As of now, not of the event's second: no answer that was asked for before brings it back.
        row.name, row.named_at = "", clock.now()
        session.flush()
        rename(session, row.customer_id)
    if PLACE in news.fields:
        # Deleted, not changed: the night's copy of the events follows what is gone, not what is different.
        session.execute(delete(Event).where(Event.identity_id == row.id, Event.kind.in_(PLACES)))
    if PHONE in news.fields:
        touched |= _cut_phones(session, company, row, news.at)
    for name in news.fields:
        told = select(Consent.id).where(
            Consent.identity_id == row.id, Consent.kind == name, Consent.at == news.at
        )
        if session.scalar(told) is None:
            session.add(
                Consent(
                    company_id=company.id,
                    identity_id=row.id,
                    kind=name,
                    given=False,
                    origin={"platform": "revoked"},
                    at=news.at,
                )
            )
    session.flush()
    return touched


def _empty_messages(session: Session, company: Company, row: Identity, names: tuple[str, ...]) -> None:
    events = [event for name in names for event in HELD_IN.get(name, ())]
    person = keyed_hash(hash_key(company, core().sealer), "person", row.scope, row.value)
    session.execute(
        update(InboxMessage)
        .where(
            InboxMessage.company_id == company.id,
            InboxMessage.person_hash == person,
            InboxMessage.event.in_(events),
            InboxMessage.state.in_(("done", "ignored", "failed", "duplicate")),
        )
        .values(body=b"", query={}, sealed=False, state="erased", error=None)
        .execution_options(synchronize_session=False)
    )


def _cut_phones(session: Session, company: Company, row: Identity, at: int) -> set[int]:
    """This id no longer tells a phone; one that nobody else tells is erased."""
    phones = {
        one.id
        for one in session.scalars(
            select(Identity)
            .join(Link, or_(Link.low_id == Identity.id, Link.high_id == Identity.id))
            .where(or_(Link.low_id == row.id, Link.high_id == row.id), Identity.kind == "phone")
        )
    }
    if not phones:
        return set()
    session.execute(
        delete(Link).where(
            or_(
                (Link.low_id == row.id) & Link.high_id.in_(phones),
                (Link.high_id == row.id) & Link.low_id.in_(phones),
            )
        )
    )
    identity_id, customer_id = row.id, row.customer_id
    alone = {
        phone
        for phone in phones
        if session.scalar(select(Link.id).where(or_(Link.low_id == phone, Link.high_id == phone)).limit(1))
        is None
    }
    touched = erase(session, company, alone, "withdrawn", "platform", at)
    return touched | {customer_id} | regroup(session, {identity_id, *(phones - alone)}, "withdrawn")
