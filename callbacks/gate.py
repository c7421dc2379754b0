"""What every door does: find the account, verify, keep what came on the disk, and only then answer."""

import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import Flask
from prometheus_client import Counter

from callbacks.bindings import Bindings
from callbacks.knock import Answer, Knock
from callbacks.nonces import Nonces
from wxtag import clock
from wxtag.accounts import BoundAccount
from wxtag.app import Core
from wxtag.envelope import SIGNATURE_PARAMETERS, Message, is_container_check, open_echo, open_message
from wxtag.envelope_parsing import parse
from wxtag.errors import Malformed, Refused, Unavailable
from wxtag.spool import spool_of
from wxtag.spooling import SpoolRecord

CALLBACKS = Counter("wxtag_callbacks", "Callbacks by door and what became of them", ["door", "result"])
DAY = 86_400
T = TypeVar("T")
log = logging.getLogger(__name__)


class Gate:
    """The doors' common part, once an application."""

    def __init__(self, app: Flask, core: Core) -> None:
        self._settings = core.settings
        self._spool = spool_of(core.settings)
        self._bindings = Bindings(app, core.settings, core.sealer)
        self._nonces = Nonces(core.settings)

    def verify(self, door: str, key: str, agentid: str | None, knock: Knock) -> Answer:
        """Answers the GET with which a platform tries the address: the echostr alone."""
        try:
            query = knock.query()
            _, echo = self._first(door, key, agentid, lambda account: open_echo(account, query))
        except (Refused, Unavailable) as error:
            return _refusal(door, key, knock, error)
        CALLBACKS.labels(door, "verified").inc()
        return Answer(200, echo)

    def receive(self, door: str, key: str, agentid: str | None, knock: Knock, taken: bytes) -> Answer:
        """Answers a POST with `taken`, after the message is on the disk as it came."""
        try:
            query = knock.query()
            # Whoever names no account of ours could have us wait for a body that comes byte by byte.
            self._bindings.find(door, key, agentid)
            body = knock.body()
            if door == "mini_program" and _unsigned_check(query, body):
                return Answer(200, taken)
            account, message = self._first(
                door, key, agentid, lambda account: open_message(account, query, body)
            )
            if is_container_check(message.content):
                return Answer(200, taken)
            now = clock.now()
            self._check_age(account, query, message, body, now)
            kept = {name: query[name] for name in SIGNATURE_PARAMETERS if name in query}
            self._spool.put(SpoolRecord(account.id, account.company_id, "callback", body, now, kept))
        except (Refused, Unavailable) as error:
            return _refusal(door, key, knock, error)
        CALLBACKS.labels(door, "accepted").inc()
        return Answer(200, taken)

    def _first(
        self, door: str, key: str, agentid: str | None, attempt: Callable[[BoundAccount], T]
    ) -> tuple[BoundAccount, T]:
        """The account whose keys fit; each app of a corp has its own. Raises Refused or Malformed."""
        try:
            return _tried(self._bindings.find(door, key, agentid), attempt)
        except Refused as error:
            # The keys may have been changed elsewhere a moment ago.
            if error.reason == "signature" and self._bindings.changed():
                return _tried(self._bindings.find(door, key, agentid), attempt)
            raise

    def _check_age(
        self, account: BoundAccount, query: Mapping[str, str], message: Message, body: bytes, now: int
    ) -> None:
        """Raises Refused for what is older than our memory of what came, and for a replay in plain mode."""
        text = query.get("timestamp", "")
        if not (text.isascii() and text.isdigit() and len(text) <= 11):
            raise Malformed("timestamp", "the timestamp is not a number of seconds")
        timestamp, seconds = int(text), now // 1000
        days, max_age = self._settings.inbox_days, self._settings.callback_max_age
        if days and timestamp < seconds - days * DAY:
            raise Refused("age", f"older than the {days} days for which messages are kept")
        if message.encrypted:
            return
        # The plain signature does not cover the body: who has seen one could send anything under it.
        if max_age and abs(seconds - timestamp) > max_age:
            raise Refused("age", f"more than {max_age} s away from now, and plain mode")
        if not self._nonces.first_or_same(account.id, timestamp, query.get("nonce", ""), body, seconds):
            raise Refused("nonce", "another body came under the same timestamp and nonce")


def _tried(accounts: list[BoundAccount], attempt: Callable[[BoundAccount], T]) -> tuple[BoundAccount, T]:
    """The first account for which `attempt` succeeds, or what was wrong with the one that came furthest."""
    furthest = Refused("account", "no account is bound to this address")
    for account in accounts:
        try:
            return account, attempt(account)
        except Refused as error:
            if furthest.reason in ("account", "signature"):
                furthest = error
    raise furthest


def _unsigned_check(query: Mapping[str, str], body: bytes) -> bool:
    """Cloud hosting tries an address without a signature; nothing is kept and nothing told."""
    if "signature" in query or "msg_signature" in query or len(body) > 1024:
        return False
    try:
        return is_container_check(parse(body)[1])
    except Malformed:
        return False


def _refusal(door: str, key: str, knock: Knock, error: Refused | Unavailable) -> Answer:
    """The answer for what was wrong: one count and one line in the log."""
    if isinstance(error, Unavailable):
        result, status, reason = "unavailable", 503, str(error)
    elif isinstance(error, Malformed):
        result, status, reason = "malformed", 413 if error.reason == "too_large" else 400, error.reason
    else:
        result, status, reason = "refused", 403, error.reason
    CALLBACKS.labels(door, f"refused:{reason}" if result == "refused" else result).inc()
    log.warning(
        "callback %s (%d): door %s, account %.64r, reason: %s, from %s",
        *(result, status, door, key, reason, knock.sender),
    )
    return Answer(status, result.encode())
