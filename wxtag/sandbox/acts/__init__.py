"""What people, staff and administrators do; each act changes the world and sends the callbacks it causes."""

from wxtag.sandbox.acts import console, fans, handover, messages, mini, platform, staff  # noqa: F401
from wxtag.sandbox.acts.table import acts

__all__ = ["acts"]
