"""The tag library: groups, tags, rules in their versions, channels; and what each corp's library holds."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wxtag.models.base import TABLE, Base, BigId, CompanyId, Id, Key, Ms, Name, Word


class TagGroup(Base):
    """A group of tags: one or two levels of names, joined by `/`, and the group's policies."""

    __tablename__ = "tag_groups"
    __table_args__ = (UniqueConstraint("company_id", "path"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    path: Mapped[Name]
    order: Mapped[int] = mapped_column(BigInteger, default=0)
    """Larger sorts first, as in WeCom."""
    push: Mapped[Word] = mapped_column(default="on")
    """on or off (bands are tags of their own)."""
    hand_scope: Mapped[Word] = mapped_column(default="relation")
    """relation: a mark made beside a chat stays with that member of staff; customer: it goes to all."""
    family: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The family condition that makes the tags of this group by itself, or nothing."""
    cap: Mapped[int] = mapped_column(default=500)
    """At most so many tags made by the family."""
    description: Mapped[str] = mapped_column(Text, default="")
    retired_at: Mapped[Ms | None]
    """Set when the group left the library; the same path brings it back."""


class Tag(Base):
    """What a customer gets."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("company_id", "group_id", "name"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    group_id: Mapped[int] = mapped_column(BigId, ForeignKey("tag_groups.id"), index=True)
    name: Mapped[Name]
    order: Mapped[int] = mapped_column(BigInteger, default=0)
    colour: Mapped[Word] = mapped_column(default="")
    description: Mapped[str] = mapped_column(Text, default="")
    family_key: Mapped[Key | None]
    """Of a tag that a family made: the key that the family gave it (330100)."""
    retired_at: Mapped[Ms | None]
    """Set when the tag left the library: it is taken off customers, and its history stays."""


class RuleVersion(Base):
    """One version of a tag's rule or of a group's family; the newest one is in force."""

    __tablename__ = "rule_versions"
    __table_args__ = (Index("ix_rules_newest", "company_id", "tag_id", "version"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    tag_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tags.id"))
    group_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tag_groups.id"))
    version: Mapped[int]
    tree: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The tree of conditions; nothing when the rule was taken away."""
    actor: Mapped[Name]
    at: Mapped[Ms]


class Channel(Base):
    """Where touches come from: a shop's QR code, a salesperson's card."""

    __tablename__ = "channels"
    __table_args__ = (UniqueConstraint("company_id", "name"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    name: Mapped[Name]


class ChannelValue(Base):
    """One state, scene or utm value that means a channel."""

    __tablename__ = "channel_values"
    __table_args__ = (UniqueConstraint("company_id", "value"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    value: Mapped[Key]
    channel_id: Mapped[int] = mapped_column(BigId, ForeignKey("channels.id"), index=True)


class CorpTag(Base):
    """A tag of a corp's library in WeCom: ours or somebody else's, as we last saw it."""

    __tablename__ = "corp_tags"
    __table_args__ = (UniqueConstraint("company_id", "corpid", "wecom_id"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    corpid: Mapped[Key]
    wecom_id: Mapped[Key]
    group_wecom_id: Mapped[Key]
    group_name: Mapped[Name]
    name: Mapped[Name]
    order: Mapped[int] = mapped_column(BigInteger, default=0)
    tag_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("tags.id"), index=True)
    """Our tag that it stands for; nothing for tags made elsewhere."""
    seen_at: Mapped[Ms]
    deleted_at: Mapped[Ms | None]
    trouble: Mapped[str | None] = mapped_column(String(190))
