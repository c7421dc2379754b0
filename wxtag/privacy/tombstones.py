"""Keeps the erased away: what came before an erasure does not bring its person back."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from wxtag.app import core
from wxtag.companies import hash_key
from wxtag.events.decoded import Decoded, IdentityKey
from wxtag.identities import stored_value
from wxtag.models import Account, Company, InboxMessage, Tombstone
from wxtag.sealing import keyed_hash


def bury(session: Session, company: Company, hashes: Iterable[str], erased_id: int, at: int) -> None:
    """These ids are erased as of `at`."""
    wanted = list(dict.fromkeys(hashes))
    session.execute(delete(Tombstone).where(Tombstone.company_id == company.id, Tombstone.hash.in_(wanted)))
    session.add_all(Tombstone(company_id=company.id, hash=one, erased_id=erased_id, at=at) for one in wanted)
    company.erased_at = max(company.erased_at, at)
    session.flush()


def tombstone(company: Company, kind: str, scope: str, stored: str) -> str:
    """The hash of an id; `stored` as its row has it (of a phone the hash)."""
    return keyed_hash(hash_key(company, core().sealer), "erased", kind, scope, stored)


def without_erased(
    session: Session, company: Company, decoded: Decoded, received_at: int, message_id: int | None
) -> Decoded:
    """The meaning of a message without those who were erased after it came; its raw text goes with them.

    `received_at` 0: nobody knows when it came, so it is news. Costs nothing unless somebody was erased since.
    """
    if not 0 < received_at <= company.erased_at:
        return decoded
    keys = {
        key: tombstone(company, key.kind, key.scope, stored_value(company, key)) for key in _keys(decoded)
    }
    asked = {one: _asked(session, one.account_id, one.subject) for one in decoded.questions}
    keys |= {
        key: tombstone(company, key.kind, key.scope, stored_value(company, key))
        for key in asked.values()
        if key is not None
    }
    erased = set(
        session.scalars(
            select(Tombstone.hash).where(
                Tombstone.company_id == company.id,
                Tombstone.hash.in_(set(keys.values())),
                Tombstone.at >= received_at,
            )
        )
    )
    gone = {key for key, one in keys.items() if one in erased}
    if not gone:
        return decoded
    if message_id is not None:
        session.execute(
            update(InboxMessage).where(InboxMessage.id == message_id).values(body=b"", query={}, sealed=False)
        )
    kept: dict[str, Any] = {
        each.name: [
            one
            for one in getattr(decoded, each.name)
            if not (_of(one) | ({asked[one]} if each.name == "questions" else set())) & gone
        ]
        for each in fields(decoded)
        if isinstance(getattr(decoded, each.name), list)
    }
    return replace(decoded, **kept)


def _keys(decoded: Decoded) -> set[IdentityKey]:
    """Everyone whom it names."""
    lists = [getattr(decoded, each.name) for each in fields(decoded)]
    return {key for some in lists if isinstance(some, list) for one in some for key in _of(one) if key}


def _of(one: Any) -> set[IdentityKey | None]:
    """Whom a piece of a message's meaning is about."""
    if isinstance(one, IdentityKey):
        return {one}
    if hasattr(one, "external_userid"):
        return {IdentityKey("external_userid", one.corpid, one.external_userid)}
    return {getattr(one, name) for name in ("who", "one", "other") if hasattr(one, name)}


def _asked(session: Session, account_id: int, subject: str) -> IdentityKey | None:
    """Whom a question is about."""
    account = session.get(Account, account_id)
    if account is None:
        return None
    kind = "external_userid" if account.kind == "wecom" else "openid"
    return IdentityKey(kind, account.key, subject)
