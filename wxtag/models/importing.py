"""First imports and the daily poll of staff: how far each has come, and a corp's departments."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wxtag.models.base import TABLE, Base, BigId, CompanyId, Doc, Id, Key, Ms, Name, Word


class Import(Base):
    """One reading of everything that a platform can tell of an account; goes on where it stopped."""

    __tablename__ = "imports"
    __table_args__ = (
        Index("ix_imports_account", "account_id", "kind", "id"),
        Index("ix_imports_due", "state", "resume_at"),
        TABLE,
    )
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("accounts.id"))
    kind: Mapped[Word]
    """corp, fans, or staff (the daily poll)."""
    state: Mapped[Word]
    """running (by a command), paused (until a person says go on), waiting (goes on by itself), done."""
    stage: Mapped[Word]
    cursor: Mapped[Doc] = mapped_column(default=dict)
    """Where the stage is. Moves only after what was read before it is in the inbox."""
    plan: Mapped[list[Any]] = mapped_column(JSON(none_as_null=True), default=list)
    """What the cursor counts in: the userids of a corp, the openids of one page of fans."""
    counts: Mapped[Doc] = mapped_column(default=dict)
    resume_at: Mapped[int] = mapped_column(BigInteger, default=0)
    """When one that waits goes on by itself."""
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[Ms]
    changed_at: Mapped[Ms]
    finished_at: Mapped[Ms | None]


class Department(Base):
    """A department of a corp, within the app's range; a name may be missing."""

    __tablename__ = "departments"
    __table_args__ = (UniqueConstraint("company_id", "corpid", "number"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    corpid: Mapped[Key]
    number: Mapped[int] = mapped_column(BigInteger)
    """The platform's id; the root is 1."""
    parent: Mapped[int] = mapped_column(BigInteger, default=0)
    name: Mapped[Name] = mapped_column(default="")
