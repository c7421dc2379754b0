"""Customers, the ids that they are known by, what they did, and the staff who have them as contacts."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from wxtag.models.base import TABLE, Base, BigId, CompanyId, Doc, Id, Key, Ms, Name, Ref, Sealed, Word


class Customer(Base):
    """One person, however many ids they have, within one company."""

    __tablename__ = "customers"
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    name: Mapped[Name] = mapped_column(default="")
    merged_into: Mapped[int | None] = mapped_column(BigId, ForeignKey("customers.id"), index=True)
    """Set when the customer became another; its id keeps answering with that one."""
    created_at: Mapped[Ms]


class Identity(Base):
    """One id of a customer: (company, kind, scope, value)."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("company_id", "kind", "scope", "value"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    kind: Mapped[Word]
    """openid, unionid, external_userid, phone, member or visitor."""
    scope: Mapped[Key]
    """appid, Open Platform account, corpid (folded), "" for phones, the other system for members."""
    value: Mapped[Key]
    """As the platform says it; of a phone the keyed hash."""
    sealed: Mapped[Sealed | None]
    """A phone's E.164 text, sealed."""
    verified: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)
    """False when it can no longer be reached: unfollowed, or nobody has it as a contact any more."""
    name: Mapped[Name] = mapped_column(default="")
    named_at: Mapped[int] = mapped_column(BigInteger, default=0)
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id"), index=True)
    customer: Mapped[Customer] = relationship(lazy="raise")
    home_id: Mapped[int | None] = mapped_column(BigId)
    """The customer that it came with, when that one has become another; a split gives it back."""
    origin: Mapped[Doc] = mapped_column(default=dict)
    created_at: Mapped[Ms]


class Link(Base):
    """Evidence that two identities are one person; what people decided about it is a verdict beside it."""

    __tablename__ = "links"
    __table_args__ = (UniqueConstraint("company_id", "low_id", "high_id"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    low_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"), index=True)
    high_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"), index=True)
    source: Mapped[Word]
    """user_info, contact, mini_login, mini_phone, migration, …"""
    state: Mapped[Word] = mapped_column(default="accepted")
    """accepted, or proposed: unverified, it joins nobody until a person says so."""
    message_id: Mapped[int | None] = mapped_column(BigId)
    actor: Mapped[Name | None]
    at: Mapped[Ms]


class Verdict(Base):
    """What a person decided about two identities; it stands above all evidence, the newest one counts."""

    __tablename__ = "verdicts"
    __table_args__ = (UniqueConstraint("company_id", "low_id", "high_id"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    low_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"), index=True)
    high_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"), index=True)
    verb: Mapped[Word]
    """same or different (person)."""
    conflict_id: Mapped[int | None] = mapped_column(BigId, index=True)
    """The conflict that was decided: deciding it again takes this back."""
    actor: Mapped[Name]
    at: Mapped[Ms]


class Merge(Base):
    """One merge, split or undo: which identities went from which customer to which, and why."""

    __tablename__ = "merges"
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    verb: Mapped[Word]
    """merge or split."""
    survivor_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id"), index=True)
    other_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id"), index=True)
    moved: Mapped[list[Any]] = mapped_column(JSON)
    """Ids of the identities that went over from the other to the survivor (for a split: back)."""
    stayed: Mapped[list[Any]] = mapped_column(JSON)
    """Ids of the survivor's own identities at that time: with `moved` it says which evidence to cut."""
    link_id: Mapped[int | None] = mapped_column(BigId)
    reason: Mapped[str] = mapped_column(String(190), default="")
    actor: Mapped[Name | None]
    at: Mapped[Ms]
    undone_at: Mapped[Ms | None]


class Conflict(Base):
    """Evidence that needs a person: the identity stands alone until somebody decides."""

    __tablename__ = "conflicts"
    __table_args__ = (UniqueConstraint("company_id", "kind", "identity_id"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    kind: Mapped[Word]
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"))
    evidence: Mapped[Doc]
    state: Mapped[Word] = mapped_column(default="open")
    decision: Mapped[Word | None]
    actor: Mapped[Name | None]
    at: Mapped[Ms]
    decided_at: Mapped[Ms | None]


class Event(Base):
    """Something that a customer did, belonging to the identity that did it; never rewritten."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("company_id", "uid"),
        Index("ix_events_identity", "company_id", "identity_id", "at"),
        TABLE,
    )
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"))
    kind: Mapped[Word]
    at: Mapped[Ms]
    """When it happened, as the platform says it."""
    uid: Mapped[Key]
    """What makes it count once: the inbox row and its place, or the id that another system gave."""
    account_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("accounts.id"))
    message_id: Mapped[int | None] = mapped_column(BigId, index=True)
    channel: Mapped[str | None] = mapped_column(String(128))
    """The raw state, scene or utm value of a touch; the library maps it to a channel."""
    place: Mapped[str | None] = mapped_column(String(6))
    """Official code of the city (330100) or province; the coordinates themselves are dropped."""
    properties: Mapped[Doc] = mapped_column(default=dict)


class Staff(Base):
    """A member of staff of a corp."""

    __tablename__ = "staff"
    __table_args__ = (UniqueConstraint("company_id", "corpid", "userid"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    corpid: Mapped[Key]
    userid: Mapped[Key]
    """Folded; `shown` is the platform's spelling."""
    shown: Mapped[Key]
    name: Mapped[Name] = mapped_column(default="")
    departments: Mapped[list[Any]] = mapped_column(JSON, default=list)
    status: Mapped[Word] = mapped_column(default="active")
    """active, out_of_range (of the app, which cannot push for them), left."""


class FollowUser(Base):
    """A member of staff who has a customer as a contact: the pair on which tags are marked."""

    __tablename__ = "follow_users"
    __table_args__ = (UniqueConstraint("company_id", "corpid", "userid", "external_userid"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    corpid: Mapped[Key]
    userid: Mapped[Key]
    shown: Mapped[Key]
    external_userid: Mapped[Key]
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"), index=True)
    state: Mapped[Key | None]
    add_way: Mapped[int | None]
    status: Mapped[Word] = mapped_column(default="active")
    """active, half (not added back yet), deleted_by_customer (tags can still be marked), deleted_by_staff,
    staff_left."""
    remark: Mapped[str | None] = mapped_column(Text)
    added_at: Mapped[Ms]
    changed_at: Mapped[int] = mapped_column(BigInteger, default=0)
    """When the platform says the newest change that we know of happened: older news does not undo it."""
    read_at: Mapped[Ms | None]
    """When its tags were last read; nothing is pushed before the first reading."""


class Consent(Base):
    """What a person allowed or withdrew, belonging to the identity that said so."""

    __tablename__ = "consents"
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"), index=True)
    kind: Mapped[Word]
    given: Mapped[bool]
    origin: Mapped[Doc] = mapped_column(default=dict)
    at: Mapped[Ms]


class Field(Base):
    """One value of a customer's profile, with the identity and the source that it came from."""

    __tablename__ = "fields"
    __table_args__ = (Index("ix_fields_identity", "company_id", "identity_id", "name"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    identity_id: Mapped[int] = mapped_column(BigId, ForeignKey("identities.id"))
    name: Mapped[str] = mapped_column(String(64))
    value: Mapped[str] = mapped_column(Text)
    by_hand: Mapped[bool] = mapped_column(default=False)
    origin: Mapped[Doc] = mapped_column(default=dict)
    at: Mapped[Ms]


class History(Base):
    """What changed about a customer: ids, tags, hand marks, merges; one line for a person to read."""

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_customer", "company_id", "customer_id", "id"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    customer_id: Mapped[Ref]
    verb: Mapped[Word]
    """tagged, untagged, marked, unmarked, vetoed, merged, split, identity_added, …"""
    tag_id: Mapped[int | None] = mapped_column(BigId)
    follow_user_id: Mapped[int | None] = mapped_column(BigId)
    actor: Mapped[Name]
    text: Mapped[str] = mapped_column(Text, default="")
    details: Mapped[Doc] = mapped_column(default=dict)
    at: Mapped[Ms]
