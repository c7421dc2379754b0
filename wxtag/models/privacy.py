"""What is left of people who were erased: that it was done, counts, and hashes that keep them away."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wxtag.models.base import TABLE, Base, BigId, CompanyId, Doc, Id, Key, Ms, Name, Word


class Erased(Base):
    """One erasure: when, why, by whom, and counts without a person."""

    __tablename__ = "erased"
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    cause: Mapped[Word]
    """account_closed (the platform said so), request (an operator's command), unsubscribed (the policy)."""
    actor: Mapped[Name]
    counts: Mapped[Doc] = mapped_column(default=dict)
    """identities, messages, and events by month and kind."""
    at: Mapped[Ms]


class Tombstone(Base):
    """An id that was erased: what came before that moment does not bring it back, later news does."""

    __tablename__ = "tombstones"
    __table_args__ = (UniqueConstraint("company_id", "hash"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    hash: Mapped[Key]
    """Keyed hash of kind, scope and value."""
    erased_id: Mapped[int] = mapped_column(BigId, ForeignKey("erased.id"), index=True)
    at: Mapped[Ms]
