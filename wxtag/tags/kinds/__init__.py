"""The kinds of conditions: one file a kind, and this list."""

from wxtag.tags.kind import Kind
from wxtag.tags.kinds import activity, channel, connectable, location

KINDS: tuple[Kind, ...] = (
    location.KIND,
    connectable.KIND,
    activity.KIND,
    channel.KIND,
)
BY_NAME = {kind.name: kind for kind in KINDS}
IN_RULES = {kind.name: kind for kind in KINDS if kind.params is not None}
AS_FAMILIES = {kind.name: kind for kind in KINDS if kind.family is not None}
