"""One-time links that make an admin: whoever can run a command on the server may hand one out."""

import hashlib
import secrets

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.database import changed
from wxtag.models import SetupLink

LINK_MS = 24 * 3_600_000
"""How long a link may be used."""


def make_setup_link(session: Session, company_id: int) -> str:
    """The token of a link `/setup/<token>` that makes one admin, once, within 24 hours."""
    token = secrets.token_urlsafe(32)
    session.add(SetupLink(company_id=company_id, hash=hashed(token), expires_at=clock.now() + LINK_MS))
    session.flush()
    return token


def usable(session: Session, token: str) -> SetupLink | None:
    """The link, unless it was used or is too old."""
    return session.scalar(
        select(SetupLink).where(
            SetupLink.hash == hashed(token), SetupLink.used_at.is_(None), SetupLink.expires_at > clock.now()
        )
    )


def use_up(session: Session, link: SetupLink) -> bool:
    """Counted, so that of two who press the button at once only one becomes the admin."""
    free = update(SetupLink).where(SetupLink.id == link.id, SetupLink.used_at.is_(None))
    return changed(session, free.values(used_at=clock.now())) == 1


def hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
