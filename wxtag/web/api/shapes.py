"""The shapes of the API that several calls share: how input is checked, and what answers look like."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from wxtag import clock
from wxtag.app import core

LARGEST_ID = 2**63 - 1


class Body(BaseModel):
    """What is sent as JSON: nothing unknown, and no text that passes for a number."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Query(BaseModel):
    """What stands in an address: text that may mean numbers."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _local(moment: int) -> str:
    return clock.iso(moment, core().settings.zone)


Time = Annotated[
    int,
    PlainSerializer(_local, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Milliseconds inside, ISO 8601 with offset outside."""

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]


def _no_nul(text: Any) -> Any:
    if isinstance(text, str) and "\x00" in text:
        raise ValueError("a text cannot contain the character NUL")
    return text


Text = Annotated[str, BeforeValidator(_no_nul)]


Note = Annotated[Text, Field(max_length=2000)]


class Page(Query):
    limit: int = Field(50, ge=1, le=200, description="At most so many items.")
    cursor: str | None = Field(
        None, max_length=40, pattern=r"^[0-9.]+$", description="`next` of the page before."
    )

    def number(self) -> int | None:
        """The cursor of a list by id; one that is no number begins again."""
        return min(int(self.cursor), LARGEST_ID) if self.cursor and self.cursor.isdigit() else None


class IdentityIn(Body):
    kind: Literal["openid", "unionid", "external_userid", "phone", "member", "visitor"]
    scope: Text = Field(
        "", max_length=128, description="appid, Open Platform account, corpid, other system; empty for phones"
    )
    value: Text = Field(min_length=1, max_length=128)


class RelationIn(Body):
    """One member of staff who has the customer as a contact."""

    corpid: Text = Field(min_length=1, max_length=128)
    userid: Text = Field(min_length=1, max_length=128)


class IdentityOut(Answer):
    kind: str
    scope: str
    value: str


class VerifiedIdentity(IdentityOut):
    verified: bool


class FollowUserOut(Answer):
    corpid: str
    userid: str
    external_userid: str
    state: str | None
    status: str


class ReasonOut(Answer):
    source: str
    text: str
    since: Time


class PushOut(Answer):
    corpid: str
    userid: str
    state: Literal["waiting", "done", "failed", "off"]
    error: str | None


class TagOnCustomer(Answer):
    id: int
    name: str
    path: list[str]
    value: int | None
    reasons: list[ReasonOut]
    push: list[PushOut]


class CustomerOut(Answer):
    id: int
    name: str
    identities: list[VerifiedIdentity]
    follow_users: list[FollowUserOut]
    tags: list[TagOnCustomer]


class CustomerPage(Answer):
    items: list[CustomerOut]
    next: str | None


class CustomerId(Answer):
    id: int
