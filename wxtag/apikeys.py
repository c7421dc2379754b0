"""Keys for the HTTP API: made, checked, and what their bearer may do; only a key's hash is kept."""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from wxtag import clock
from wxtag.errors import InputError
from wxtag.models import ApiKey

ROLES = ("admin", "manager", "staff")
PREFIX = "wxt_"


@dataclass(frozen=True)
class Caller:
    """Who asks: a key of the API or a person of the console, always of one company."""

    company_id: int
    role: str
    """admin, manager or staff."""
    actor: str
    """As it is written into the history."""
    corpid: str = ""
    userid: str = ""
    """Of a member of staff: whose customers they may see. Folded to lower case."""

    @property
    def sees_everyone(self) -> bool:
        return self.role != "staff"

    @property
    def sees_phones(self) -> bool:
        """Members of staff get phones masked."""
        return self.role != "staff"


def make_key(session: Session, company_id: int, role: str, staff: str | None = None) -> str:
    """A new key; this is the only time that it can be read. `staff`: CORPID/USERID. Raises InputError."""
    if role not in ROLES:
        raise InputError(f"role is {role!r}: expected one of {', '.join(ROLES)}")
    corpid, slash, userid = (staff or "").partition("/")
    if (role == "staff") != bool(corpid and userid) or bool(staff) != bool(slash):
        raise InputError("a key of the role staff needs --staff CORPID/USERID, and no other role takes it")
    key = PREFIX + secrets.token_urlsafe(32)
    session.add(
        ApiKey(
            company_id=company_id,
            hash=hashed(key),
            role=role,
            corpid=corpid.lower() or None,
            userid=userid.lower() or None,
            created_at=clock.now(),
        )
    )
    session.flush()
    return key


def verify(session: Session, key: str) -> Caller | None:
    """The bearer of a key, or nothing for one that is unknown or was revoked."""
    if not key.startswith(PREFIX):
        return None
    row = session.scalar(select(ApiKey).where(ApiKey.hash == hashed(key), ApiKey.revoked_at.is_(None)))
    if row is None:
        return None
    return Caller(row.company_id, row.role, f"api-key {row.id}", row.corpid or "", row.userid or "")


def hashed(key: str) -> str:
    """A key holds 256 random bits, so a plain hash cannot be tried backwards."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
