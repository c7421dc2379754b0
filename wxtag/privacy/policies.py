"""What a company decided about people who unfollow: keep them, or erase that openid after some days."""

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from wxtag import clock, touch
from wxtag.database import reading, writing
from wxtag.errors import InputError
from wxtag.models import Account, Company, Event, Identity
from wxtag.privacy.erasing import erase
from wxtag.resolve import one_at_a_time

KEEP, ANONYMISE = "keep", "anonymise"
AT_ONCE = 100
"""Ids in one transaction: the doors' messages of the company wait for it."""


def set_unsubscribed(session: Session, company: Company, act: str, days: int | None) -> dict[str, object]:
    """Keeps the decision; returns it. Raises InputError."""
    if act not in (KEEP, ANONYMISE):
        raise InputError(f"--unsubscribed is {act!r}: expected keep or anonymise")
    if act == ANONYMISE and (days is None or days < 0):
        raise InputError("--unsubscribed anonymise needs --days N: after how many days without the person")
    decided: dict[str, object] = {"do": act, "days": days} if act == ANONYMISE else {"do": act}
    policies = {**(company.policies or {}), "unsubscribed": decided}
    session.execute(update(Company).where(Company.id == company.id).values(policies=policies))
    return decided


def unsubscribed(company: Company) -> tuple[str, int]:
    """(keep or anonymise, after how many days)."""
    decided = (company.policies or {}).get("unsubscribed") or {}
    return str(decided.get("do", KEEP)), int(decided.get("days") or 0)


def forget_unsubscribed(company_id: int, now: int) -> int:
    """One night's erasing for a company whose policy says so; returns how many ids went."""
    with reading() as session:
        company = session.get(Company, company_id)
        assert company is not None
        act, days = unsubscribed(company)
        ids = [] if act != ANONYMISE else _due(session, company_id, now - days * clock.DAY_MS)
    for start in range(0, len(ids), AT_ONCE):
        with writing() as session:
            company = one_at_a_time(session, company_id)
            # Looked at again under the lock: somebody may have followed again since.
            still = _due(session, company_id, now - days * clock.DAY_MS, ids[start : start + AT_ONCE])
            left = erase(session, company, still, "unsubscribed", "policy", clock.now()) if still else set()
            touch.touch(session, company_id, left)
    return len(ids)


def _due(session: Session, company_id: int, before: int, among: list[int] | None = None) -> list[int]:
    """Followers of Official Accounts who left and of whom nothing was heard since `before`."""
    newest = func.coalesce(func.max(Event.at), Identity.created_at)
    accounts = select(Account.key).where(Account.company_id == company_id, Account.kind == "official_account")
    wanted = (
        select(Identity.id)
        .outerjoin(Event, (Event.identity_id == Identity.id) & (Event.company_id == company_id))
        .where(
            Identity.company_id == company_id,
            Identity.kind == "openid",
            Identity.active.is_(False),
            Identity.scope.in_(accounts),
        )
        .group_by(Identity.id, Identity.created_at)
        .having(newest < before)
        .order_by(Identity.id)
    )
    if among is not None:
        wanted = wanted.where(Identity.id.in_(among))
    return list(session.scalars(wanted))
