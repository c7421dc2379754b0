"""The tables."""

from wxtag.models.accounts import Account, ApiKey, SetupLink, User
from wxtag.models.base import Base, Company, db
from wxtag.models.inbox import InboxMessage, Lookup, Seen
from wxtag.models.library import Channel, ChannelValue, CorpTag, RuleVersion, Tag, TagGroup
from wxtag.models.people import (
    Conflict,
    Consent,
    Customer,
    Event,
    Field,
    FollowUser,
    History,
    Identity,
    Link,
    Merge,
    Staff,
)
from wxtag.models.running import Lease, NightlyRun
from wxtag.models.tagging import CustomerTag, Mark, Push, RelationTag, Touched

__all__ = [
    "Account",
    "ApiKey",
    "Base",
    "Channel",
    "ChannelValue",
    "Company",
    "Conflict",
    "Consent",
    "CorpTag",
    "Customer",
    "CustomerTag",
    "Event",
    "Field",
    "FollowUser",
    "History",
    "Identity",
    "InboxMessage",
    "Lease",
    "Link",
    "Lookup",
    "Mark",
    "Merge",
    "NightlyRun",
    "Push",
    "RelationTag",
    "RuleVersion",
    "Seen",
    "SetupLink",
    "Staff",
    "Tag",
    "TagGroup",
    "Touched",
    "User",
    "db",
]
