"""Shapes of the platforms' ids: derived from names, so that the same world always has the same ids."""

import base64
import hashlib
import secrets
from functools import lru_cache

_SALT = "sandbox-1"


def _turn(seed: bytes, turn: int) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(seed + bytes([turn])).digest()).decode().rstrip("=")


def _stream(*parts: str, turns: int = 1) -> str:
    """A url-safe text that depends on the parts alone, 43 letters a turn."""
    seed = "\x1f".join((_SALT, *parts)).encode()
    return _turn(seed, 0) if turns == 1 else "".join(_turn(seed, turn) for turn in range(turns))


def _alnum(*parts: str) -> str:
    return _stream(*parts, turns=3).replace("-", "").replace("_", "")


# The same ids are asked for again and again.
_kept = lru_cache(maxsize=20_000)


@_kept
def openid(person: str, appid: str) -> str:
    return "o" + _stream("openid", person, appid)[:27]


@_kept
def unionid(person: str, open_platform: str) -> str:
    return "o" + _stream("unionid", person, open_platform)[:27]


@_kept
def external_userid(person: str, corpid: str) -> str:
    return "wm" + _stream("external", person, corpid)[:30]


def member_openid(userid: str, corpid: str) -> str:
    return "o" + _stream("member", userid.lower(), corpid)[:27]


def tag_id(corpid: str, number: int, ruled: bool = False) -> str:
    """Tags and tag groups share one family of ids; tags of rule groups are shown with another head."""
    return ("st" if ruled else "et") + _stream("tag", corpid, str(number))[:30]


def hexes(length: int, *parts: str) -> str:
    return hashlib.sha256("\x1f".join((_SALT, *parts)).encode()).hexdigest()[:length]


def original_id(appid: str) -> str:
    return "gh_" + hexes(12, "original", appid)


def new_hex(length: int) -> str:
    return secrets.token_hex(length)[:length]


def new_text(length: int) -> str:
    return _alnum("fresh", secrets.token_hex(16))[:length]


def fixed_text(length: int, *parts: str) -> str:
    return _alnum(*parts)[:length]


def rid() -> str:
    """The request id that WeChat appends to its messages."""
    return "-".join(secrets.token_hex(4) for _ in range(3))
