"""The doors of all platforms: which address is whose, and the mover behind them.

They stand in front of Flask, not inside it: with a request context, a session, routing and a response
object, Flask costs more than to verify a callback, to open it and to write it to the disk together.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from apiflask import APIFlask

from callbacks.gate import Gate
from callbacks.knock import Answer, Knock
from wxtag.app import Core, core
from wxtag.mover import Mover, Records

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

PREFIX = "/callbacks/"
MOVER = "wxtag_mover"
"""Where the application's mover is among its extensions."""
MOVE = "WXTAG_MOVE"
"""A configuration value of the application: False leaves the spool alone (tests call move_once)."""
log = logging.getLogger(__name__)


class Door(NamedTuple):
    """One platform's door."""

    kind: str
    """The kind of the accounts behind it."""
    answer: bytes
    """What tells the platform that a message was taken, and that there is no passive reply."""
    apps: bool = False
    """Whether the apps of an account have addresses of their own below its."""


DOORS = {
    # https://developers.weixin.qq.com/doc/offiaccount/Basic_Information/Access_Overview.html
    "official-account": Door("official_account", b"success"),
    # https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html
    "mini-program": Door("mini_program", b"success"),
    # https://developer.work.weixin.qq.com/document/path/90930
    "wecom": Door("wecom", b"", apps=True),
}


def register(app: APIFlask) -> None:
    """Adds /callbacks/…. The first request of each web process starts its mover; a command never does."""
    with app.app_context():
        gate = Gate(app, core())
    mover = Mover(app, _accept, _tell)
    app.extensions[MOVER] = mover
    inner = app.wsgi_app

    def wsgi_app(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        if app.config.get(MOVE, True):
            mover.ensure_started()
        path: str = environ.get("PATH_INFO", "")
        found = _door(path) if path.startswith(PREFIX) else None
        if found is None:
            return inner(environ, start_response)
        return _answered(gate, *found, Knock(environ)).send(start_response)

    app.wsgi_app = wsgi_app  # type: ignore[method-assign]


def _door(path: str) -> tuple[Door, str, str | None] | None:
    """(door, account, app of the account) of an address; nothing for an address that is no door's."""
    name, *rest = path[len(PREFIX) :].split("/")
    door = DOORS.get(name)
    if door is None or not 1 <= len(rest) <= 1 + door.apps or not all(rest):
        return None
    return door, rest[0], rest[1] if len(rest) == 2 else None


def _answered(gate: Gate, door: Door, key: str, agentid: str | None, knock: Knock) -> Answer:
    method = knock.environ["REQUEST_METHOD"]
    try:
        if method == "POST":
            return gate.receive(door.kind, key, agentid, knock, door.answer)
        if method == "GET":
            return gate.verify(door.kind, key, agentid, knock)
        if method == "HEAD":
            return Answer(gate.verify(door.kind, key, agentid, knock).status, b"")
        return Answer(405, b"")
    except Exception:
        log.exception("a fault of ours at the door %s", door.kind)
        return Answer(500, b"")


def _accept(records: Records) -> int:
    from wxtag import inbox

    return inbox.accept(records)


def _tell(core: Core, leaving: bool) -> None:
    from wxtag import host_spools
    from wxtag.database import writing

    with writing() as session:
        (host_spools.take_leave if leaving else host_spools.tell)(session, core.settings)
