"""The rows of ids: found, or made with a customer of their own, for a whole batch of messages at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from wxtag import clock, rows
from wxtag.app import core
from wxtag.companies import hash_key
from wxtag.errors import InputError
from wxtag.events.decoded import IdentityKey
from wxtag.models import Company, Customer, Identity
from wxtag.sealing import keyed_hash

PHONE = "phone"


def identity_row(session: Session, company: Company, key: IdentityKey) -> Identity | None:
    """The row of an id, if this company knows it. A phone is looked for by its keyed hash."""
    return session.scalar(
        select(Identity).where(
            *_of(company, key.kind, key.scope), Identity.value == stored_value(company, key)
        )
    )


def stored_value(company: Company, key: IdentityKey) -> str:
    if key.kind != PHONE:
        return key.value
    return keyed_hash(hash_key(company, core().sealer), PHONE, key.value)


def find_or_make(
    session: Session, company: Company, keys: Mapping[IdentityKey, int | None]
) -> tuple[dict[IdentityKey, Identity], set[int]]:
    """The row of each id; and the customers that were made for those that were not known.

    `keys`: each id with the inbox message that spoke of it first.
    """
    values = {key: stored_value(company, key) for key in keys}
    found = _find(session, company, values)
    new = [key for key in values if key not in found]
    for key in new:
        if not key.value:
            raise InputError(f"an empty {key.kind} is nobody's id")
    now = clock.now()
    customers = rows.add_numbered(
        session, Customer, [{"company_id": company.id, "created_at": now} for _ in new]
    )
    rows.add_all(
        session,
        Identity,
        [
            {
                "company_id": company.id,
                "kind": key.kind,
                "scope": key.scope,
                "value": values[key],
                "sealed": core().sealer.seal(key.value, PHONE) if key.kind == PHONE else None,
                "customer_id": customer_id,
                "origin": {"message": keys[key]} if keys[key] else {},
                "created_at": now,
            }
            for key, customer_id in zip(new, customers, strict=True)
        ],
    )
    found |= _find(session, company, {key: values[key] for key in new})
    return found, set(customers)


def _find(
    session: Session, company: Company, values: Mapping[IdentityKey, str]
) -> dict[IdentityKey, Identity]:
    kinds: dict[tuple[str, str], dict[str, IdentityKey]] = defaultdict(dict)
    for key, value in values.items():
        kinds[key.kind, key.scope][value] = key
    found: dict[IdentityKey, Identity] = {}
    for (kind, scope), keys in kinds.items():
        there: Iterable[Identity] = rows.having(
            session, Identity, Identity.value, keys, *_of(company, kind, scope)
        )
        found |= {keys[row.value]: row for row in there}
    return found


def _of(company: Company, kind: str, scope: str) -> tuple[ColumnElement[bool], ...]:
    return Identity.company_id == company.id, Identity.kind == kind, Identity.scope == scope
