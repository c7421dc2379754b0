"""What a decoder says that a message means; plain values, so that decoders need no database."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

MEANINGLESS = frozenset({"", "null", "undefined", "none", "0", "nan"})
"""Ids that mean nothing: what broken front ends send in place of an id. They join nothing."""


class IdentityKey(NamedTuple):
    """(kind, scope, value) of one id. A phone's value is its E.164 text here; only its hash is stored."""

    kind: str
    scope: str
    value: str


def identity(kind: str, scope: str, value: object) -> IdentityKey | None:
    """The key of an id, or nothing for an id that means nothing."""
    text = value.strip() if isinstance(value, str) else ""
    if text.lower() in MEANINGLESS or len(text) > 128:
        return None
    return IdentityKey(kind, scope, text)


@dataclass(frozen=True)
class NewEvent:
    """Something that the owner of `who` did. `at` is epoch milliseconds."""

    who: IdentityKey
    kind: str
    at: int
    channel: str | None = None
    place: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    uid: str | None = None
    """An id that the source gave, to count it once; otherwise the message and the place in it are used."""


@dataclass(frozen=True)
class NewLink:
    """Evidence that two ids are one person."""

    one: IdentityKey
    other: IdentityKey
    source: str
    verified: bool = True
    """False: entered or imported by somebody, so that it only proposes; a person decides."""


@dataclass(frozen=True)
class Profile:
    """What the platform says of an id: its name, and whether it can be reached."""

    who: IdentityKey
    name: str | None = None
    active: bool | None = None
    at: int = 0


@dataclass(frozen=True)
class Relation:
    """What is known of one follow_user. None means: this message does not say."""

    corpid: str
    userid: str
    external_userid: str
    status: str | None = None
    state: str | None = None
    add_way: int | None = None
    remark: str | None = None
    added_at: int | None = None
    at: int = 0
    tags: tuple[str, ...] | None = None
    """Ids of the corp tags on it, where the message is a reading of them."""
    edited: bool = False
    """Staff changed something about the contact; what, the message does not say."""


@dataclass(frozen=True)
class AllRelations:
    """The message names every relation that this customer has now; known ones that it leaves out ended."""

    corpid: str
    external_userid: str
    at: int


@dataclass(frozen=True)
class Question:
    """Something to ask the platform: kind `user_info` (an openid) or `contact` (an external_userid)."""

    account_id: int
    kind: str
    subject: str
    delay_ms: int = 0


@dataclass(frozen=True)
class Erasure:
    """The platform says that this person is to be forgotten: they closed their WeChat account."""

    who: IdentityKey


@dataclass(frozen=True)
class Withdrawal:
    """A person no longer allows that we keep these fields (names of `FIELDS` in wxtag/events/privacy.py)."""

    who: IdentityKey
    fields: tuple[str, ...]
    at: int


@dataclass(frozen=True)
class NewConsent:
    """A person allowed something, or refused it."""

    who: IdentityKey
    kind: str
    given: bool
    at: int
    about: str = ""
    """What of its kind: the template of a notice."""


@dataclass(frozen=True)
class StaffChange:
    """A member of staff `joined`, was `renamed` to `new_userid`, `left`, or is `out_of_range` of the app."""

    corpid: str
    userid: str
    verb: str
    at: int
    new_userid: str = ""
    name: str | None = None
    departments: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Refusal:
    """The platform says that this id is not one of the account that named it."""

    who: IdentityKey
    code: int


@dataclass
class Decoded:
    """The whole meaning of one message. Nothing in it: `ignored` says what it was."""

    identities: list[IdentityKey] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    links: list[NewLink] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    all_relations: list[AllRelations] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    library_changed: bool = False
    """The corp's tag library was changed by others: read it again."""
    erasures: list[Erasure] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    consents: list[NewConsent] = field(default_factory=list)
    staff: list[StaffChange] = field(default_factory=list)
    ignored: str | None = None
    """Why nothing follows from it."""

    @property
    def consequences(self) -> bool:
        """Whether more follows than ids, events and relations: see wxtag/consequences.py."""
        return bool(self.erasures or self.withdrawals or self.consents or self.staff)
