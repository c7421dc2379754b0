"""Accounts that are bound, and who may enter: API keys and people."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from wxtag.models.base import TABLE, Base, BigId, CompanyId, Doc, Id, Key, Ms, Name, Sealed, Word


class Account(Base):
    """A bound Official Account, mini-program or WeCom corp app."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("kind", "key", "agentid"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    kind: Mapped[Word]
    """wecom, official_account or mini_program."""
    appid: Mapped[Key]
    """As it was given: an appid, or a corpid."""
    key: Mapped[Key]
    """The appid for comparing: a corpid is folded to lower case, because WeCom compares it so."""
    agentid: Mapped[int] = mapped_column(default=0)
    name: Mapped[Name]
    open_platform: Mapped[Key] = mapped_column(default="")
    former_platforms: Mapped[list[Any] | None] = mapped_column(JSON)
    """Open Platform accounts of before: [[name, until when in ms], …]; what came then is read with them."""
    mode: Mapped[Word] = mapped_column(default="safe")
    format: Mapped[Word] = mapped_column(default="xml")
    secret: Mapped[Sealed]
    token: Mapped[Sealed]
    aes_key: Mapped[Sealed]
    previous_aes_key: Mapped[Sealed | None]
    status: Mapped[Word] = mapped_column(default="active")
    """active, or broken: the last self-test or call said so."""
    trouble: Mapped[Name | None]
    checked: Mapped[Doc] = mapped_column(default=dict)
    last_callback_at: Mapped[Ms | None]
    created_at: Mapped[Ms]
    updated_at: Mapped[Ms]


class ApiKey(Base):
    """A key for /api/v1; only its hash is kept."""

    __tablename__ = "api_keys"
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    hash: Mapped[Key] = mapped_column(unique=True)
    role: Mapped[Word]
    """admin, manager or staff."""
    corpid: Mapped[Key | None]
    userid: Mapped[Key | None]
    created_at: Mapped[Ms]
    revoked_at: Mapped[Ms | None]


class User(Base):
    """A person who signs in to the console."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("company_id", "name"), TABLE)
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    name: Mapped[Name]
    password: Mapped[Name]
    role: Mapped[Word]
    created_at: Mapped[Ms]


class SetupLink(Base):
    """A one-time link that makes the first admin; only the token's hash is kept."""

    __tablename__ = "setup_links"
    id: Mapped[Id]
    company_id: Mapped[CompanyId]
    hash: Mapped[Key] = mapped_column(unique=True)
    expires_at: Mapped[Ms]
    used_at: Mapped[Ms | None]
    user_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("users.id"))
