"""Short-lived single-use codes: login, phone number, web authorisation."""

from typing import Any

from wxtag.sandbox import ids
from wxtag.sandbox.world import World

_DAY = 86_400


def _kept(kind: str) -> int:
    # A refresh token of web authorisation lives 30 days.
    return 31 * _DAY if kind == "sns_refresh" else _DAY


def new_code(world: World, kind: str, account: str, **values: Any) -> str:
    with world.lock:
        codes, now = world.data["codes"], world.now()
        if not len(codes) % 1000:
            for old in [code for code, known in codes.items() if known["at"] < now - _kept(known["kind"])]:
                del codes[old]
        code = ids.new_text(32)
        codes[code] = {"kind": kind, "account": account, "at": now, "used": False, **values}
        world.changed()
        return code
