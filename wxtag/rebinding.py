"""What follows when an account is bound to another Open Platform account: other unionids, asked for again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock, touch
from wxtag.accounts import BoundAccount
from wxtag.events.decoded import Question
from wxtag.models import Account, Identity

ASKED = {"official_account": ("openid", "user_info"), "wecom": ("external_userid", "contact")}
"""Of whose ids the platform tells the unionid on demand; a mini-program tells it at the next login."""
APART_MS = 100
"""The questions are spread out: everyday ones must not wait behind a hundred thousand."""


def moved(session: Session, account: Account, platform: str) -> int:
    """Keeps the former Open Platform account, and asks for everyone's new unionid; returns how many.

    The unionids of before stay: they were right in their time, and still tell who is one person.
    """
    account.former_platforms = [*(account.former_platforms or []), [account.open_platform, clock.now()]]
    account.open_platform = platform
    session.flush()
    kind, question = ASKED.get(account.kind, ("", ""))
    twins = select(Account.id).where(
        Account.kind == account.kind,
        Account.key == account.key,
        Account.id != account.id,
        Account.open_platform == platform,
    )
    if not kind or session.scalar(twins.limit(1)) is not None:
        return 0
    values = session.scalars(
        select(Identity.value)
        .where(
            Identity.company_id == account.company_id,
            Identity.kind == kind,
            Identity.scope == account.key,
            Identity.active,
        )
        .order_by(Identity.id)
    ).all()
    touch.ask_all(
        session,
        account.company_id,
        [Question(account.id, question, value, n * APART_MS) for n, value in enumerate(values)],
    )
    return len(values)


def as_of(account: BoundAccount, former: Sequence[Sequence[Any]] | None, at: int) -> BoundAccount:
    """The account as it was bound then: what came earlier names unionids of an earlier Open Platform."""
    for platform, until in former or ():
        if at < until:
            return replace(account, open_platform=platform)
    return account
