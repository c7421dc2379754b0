"""What people, staff and administrators do; each act changes the world and sends the callbacks it causes."""

from wxtag.sandbox.acts import (  # noqa: F401  (the modules fill the table)
    chats,
    console,
    directory,
    fans,
    handover,
    messages,
    mini,
    notices,
    platform,
    staff,
    volume,
)
from wxtag.sandbox.acts.table import acts

__all__ = ["acts"]
