"""The tables."""

from wxtag.models.accounts import Account, ApiKey, SetupLink, User
from wxtag.models.base import Base, Company, db
from wxtag.models.importing import Department, Import
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
    Verdict,
)
from wxtag.models.privacy import Erased, Tombstone
from wxtag.models.running import HostSpool, Lease, NightlyRun, Process
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
    "Department",
    "Erased",
    "Event",
    "Field",
    "FollowUser",
    "History",
    "HostSpool",
    "Identity",
    "Import",
    "InboxMessage",
    "Lease",
    "Link",
    "Lookup",
    "Mark",
    "Merge",
    "NightlyRun",
    "Process",
    "Push",
    "RelationTag",
    "RuleVersion",
    "Seen",
    "SetupLink",
    "Staff",
    "Tag",
    "TagGroup",
    "Tombstone",
    "Touched",
    "User",
    "Verdict",
    "db",
]
