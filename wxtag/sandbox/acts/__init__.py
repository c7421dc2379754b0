"""What people, staff and administrators do; each act changes the world and sends the callbacks it causes."""

from wxtag.sandbox.acts import (  # noqa: F401  (the modules fill the table)
    agent,
    chats,
    console,
    directory,
    fans,
    handover,
    menu,
    messages,
    mini,
    notices,
    platform,
    results,
    staff,
    volume,
)
from wxtag.sandbox.acts.table import acts

__all__ = ["acts"]
