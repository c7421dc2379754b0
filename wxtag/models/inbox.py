"""The inbox: what came, as it came, and the questions that only a platform can answer."""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.orm import Mapped, mapped_column

from wxtag.models.base import TABLE, Base, BigId, CompanyId, Doc, Id, Key, Ms, Word


class InboxMessage(Base):
    """One raw callback, answer of a lookup, or report of a mini-program."""

    __tablename__ = "inbox_messages"
    __table_args__ = (
        Index("ix_inbox_due", "state", "next_try_at", "id"),
        Index("ix_inbox_person", "company_id", "person_hash", "state", "id"),
        Index("ix_inbox_received", "company_id", "received_at"),
        TABLE,
    )
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id"))
    spool_id: Mapped[Key] = mapped_column(unique=True)
    """Where it stood in the spool: taking the same record in twice makes one row."""
    source: Mapped[Word]
    """callback, lookup or mini."""
    event: Mapped[str] = mapped_column(String(64), default="")
    """The platform's own name for it, for counting and for the list of ignored ones."""
    query: Mapped[Doc] = mapped_column(default=dict)
    body: Mapped[bytes] = mapped_column(LargeBinary().with_variant(MEDIUMBLOB(), "mysql"))
    """As it came; what the platform did not encrypt is sealed by us (`sealed`)."""
    sealed: Mapped[bool] = mapped_column(default=False)
    person_hash: Mapped[Key] = mapped_column(default="")
    """Keyed hash of whom it is about: orders the work per person, and finds the rows of one to be erased."""
    dedupe_hash: Mapped[Key] = mapped_column(default="")
    received_at: Mapped[Ms]
    state: Mapped[Word] = mapped_column(default="new")
    """new, done, ignored (kept, but means nothing to us yet), duplicate, failed, erased (emptied)."""
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[int] = mapped_column(BigInteger, default=0)
    claim: Mapped[Key | None]
    claimed_until: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    done_at: Mapped[Ms | None]


class Seen(Base):
    """Content whose work is done. Written with the effects, in one transaction, never before them."""

    __tablename__ = "seen"
    __table_args__ = (UniqueConstraint("company_id", "scope", "hash"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    scope: Mapped[Key]
    """The corp or appid."""
    hash: Mapped[Key]
    person_hash: Mapped[Key] = mapped_column(default="", index=True)
    """A tombstone keeps this row when a person is erased: what was done for them is not done again."""
    message_id: Mapped[int] = mapped_column(BigId)
    at: Mapped[Ms]


class Lookup(Base):
    """A question that only the platform can answer, asked by a worker outside any transaction."""

    __tablename__ = "lookups"
    __table_args__ = (
        UniqueConstraint("company_id", "account_id", "kind", "subject"),
        Index("ix_lookups_due", "state", "next_try_at"),
        TABLE,
    )
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id"))
    kind: Mapped[Word]
    """user_info (openid) or contact (external_userid)."""
    subject: Mapped[Key]
    state: Mapped[Word] = mapped_column(default="waiting")
    """waiting, answered, gone (the platform says there is no such thing), failed."""
    version: Mapped[int] = mapped_column(default=1)
    """Goes up with each new asking: an answer to an older version does not close the newer question."""
    asked_at: Mapped[Ms]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[int] = mapped_column(BigInteger, default=0)
    claimed_until: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    answered_at: Mapped[Ms | None]
