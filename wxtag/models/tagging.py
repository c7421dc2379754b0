"""Which tags a customer has and why, and what of it stands in WeCom."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wxtag.models.base import TABLE, Base, BigId, CompanyId, Doc, Id, Key, Ms, Name, Word


class CustomerTag(Base):
    """A rule's answer: this customer has this tag. Can be dropped and computed again at any time."""

    __tablename__ = "customer_tags"
    __table_args__ = (UniqueConstraint("company_id", "customer_id", "tag_id"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id"))
    tag_id: Mapped[int] = mapped_column(BigId, ForeignKey("tags.id"), index=True)
    rule_version_id: Mapped[int] = mapped_column(BigId, ForeignKey("rule_versions.id"))
    value: Mapped[int | None]
    text: Mapped[str] = mapped_column(Text)
    """Why, for a person: 近7天互动 12 次（≥ 10）."""
    since: Mapped[Ms]


class Mark(Base):
    """A tag put on or taken off by hand, by a list, or by staff in the WeCom client."""

    __tablename__ = "marks"
    __table_args__ = (Index("ix_marks_customer", "company_id", "customer_id", "tag_id"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    tag_id: Mapped[int] = mapped_column(BigId, ForeignKey("tags.id"), index=True)
    verb: Mapped[Word]
    """mark, or veto: taken off by hand, and a rule does not put it back."""
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id"))
    """The customer at the time: a split gives each side its own marks back."""
    identity_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("identities.id"), index=True)
    follow_user_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("follow_users.id"), index=True)
    """Set: for this relation only. Nothing: for the whole customer."""
    source: Mapped[Word]
    """hand (console, API, mini-program), wecom (in the client), list (a file)."""
    actor: Mapped[Name]
    origin: Mapped[Doc] = mapped_column(default=dict)
    at: Mapped[Ms]
    ended_at: Mapped[Ms | None]


class Touched(Base):
    """A customer whose tags must be computed again. Rows are only added and taken away, so none is lost."""

    __tablename__ = "touched"
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    customer_id: Mapped[int] = mapped_column(BigId)
    at: Mapped[Ms]


class Push(Base):
    """The state of pushing one relation; one row for each follow_user."""

    __tablename__ = "pushes"
    __table_args__ = (Index("ix_pushes_due", "company_id", "corpid", "state", "next_try_at"), TABLE)
    follow_user_id: Mapped[int] = mapped_column(BigId, ForeignKey("follow_users.id"), primary_key=True)
    company_id: Mapped[CompanyId]
    corpid: Mapped[Key]
    state: Mapped[Word] = mapped_column(default="waiting")
    """waiting, done, failed, off (no such relation any more)."""
    version: Mapped[int] = mapped_column(default=1)
    """Goes up whenever something wanted may have changed; work on an older version does not end the newer."""
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str | None] = mapped_column(Text)
    intent: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What was about to be sent ({"add", "remove"}), written before it was: after a lost answer or a crash
    the next reading of the relation tells from it what is ours."""
    changed_at: Mapped[Ms]
    done_at: Mapped[Ms | None]


class RelationTag(Base):
    """A corp tag on a relation, as we believe it to be in WeCom."""

    __tablename__ = "relation_tags"
    __table_args__ = (UniqueConstraint("follow_user_id", "wecom_id"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    follow_user_id: Mapped[int] = mapped_column(BigId, ForeignKey("follow_users.id"))
    wecom_id: Mapped[Key]
    ours: Mapped[bool]
    """We put it there. Only what is ours is ever taken back by us."""
    at: Mapped[Ms]
