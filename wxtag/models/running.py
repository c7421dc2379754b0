"""What the processes of one installation tell each other: leases and the runs of the night."""

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wxtag.models.base import TABLE, Base, BigId, Doc, Id, Key, Ms, Word


class Lease(Base):
    """The right to do one kind of work, held by one process for a while."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    holder: Mapped[Key | None]
    until: Mapped[int] = mapped_column(BigInteger, default=0)


class NightlyRun(Base):
    """One computing of all rules for all customers of a company."""

    __tablename__ = "nightly_runs"
    __table_args__ = (UniqueConstraint("company_id", "day"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[int] = mapped_column(BigId, ForeignKey("companies.id"))
    day: Mapped[str] = mapped_column(String(40))
    """The local day, or `by hand` and the moment."""
    state: Mapped[Word]
    started_at: Mapped[Ms]
    finished_at: Mapped[Ms | None]
    counts: Mapped[Doc] = mapped_column(default=dict)
    error: Mapped[str | None] = mapped_column(Text)
