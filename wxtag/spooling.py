"""What a door hands to the inbox: one record of the durable local spool."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SpoolRecord:
    """One message as it came, with just enough beside it to take it in later."""

    account_id: int
    company_id: int
    source: str
    """callback, lookup or mini."""
    body: bytes
    """As it came."""
    received_at: int
    """Epoch milliseconds."""
    query: dict[str, str] = field(default_factory=dict)
    event: str = ""
    """For records of ours (lookup, mini): which one. A callback says it itself, inside."""
