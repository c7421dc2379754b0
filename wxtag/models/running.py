"""What the processes of one installation tell each other: who lives, leases, spools, runs of the night."""

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wxtag.models.base import TABLE, Base, BigId, Doc, Id, Key, Ms, Name, Word


class Lease(Base):
    """The right to do one kind of work, held by one process for a while."""

    __tablename__ = "leases"
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    holder: Mapped[Key | None]
    until: Mapped[int] = mapped_column(BigInteger, default=0)


class Process(Base):
    """A process that takes work on. One that no longer beats is dead, and what it had taken is free again."""

    __tablename__ = "processes"
    name: Mapped[Key] = mapped_column(primary_key=True)
    host: Mapped[Name]
    """Machine and process namespace: only there does `pid` mean something."""
    pid: Mapped[int]
    beat: Mapped[int] = mapped_column(BigInteger, default=0)
    """Goes up about once a second while it lives."""


class HostSpool(Base):
    """The spool of one web host, as that host last told of it."""

    __tablename__ = "host_spools"
    name: Mapped[Key] = mapped_column(primary_key=True)
    """Stands in a file of the spool's folder, so that a copy of the folder is known again."""
    host: Mapped[Name]
    told_at: Mapped[Ms]
    bytes: Mapped[int] = mapped_column(BigInteger)
    oldest_at: Mapped[Ms | None]
    kept_aside: Mapped[int]


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
