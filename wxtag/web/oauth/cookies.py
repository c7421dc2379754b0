"""Our two cookies: the state of an authorisation that is under way, and who a visitor turned out to be."""

import secrets

from flask import Request
from itsdangerous import BadData, URLSafeTimedSerializer
from redis.exceptions import RedisError
from werkzeug.wrappers import Response

from wxtag.app import core

STATE, STATE_SECONDS = "wxtag_oauth", 600
PERSON, PERSON_SECONDS = "wxtag_person", 7 * 86_400


def begin(response: Response, appid: str, target: str, state: str) -> None:
    """Binds the authorisation to this browser: nobody else's answer can be slipped under it."""
    _set(response, STATE, [appid, state, target], STATE_SECONDS, f"/oauth/{appid}/")


def new_state() -> str:
    return secrets.token_hex(16)


def finish(response: Response, appid: str) -> None:
    """The state has served, whatever came of it."""
    response.delete_cookie(STATE, path=f"/oauth/{appid}/", secure=_secure(), httponly=True, samesite="Lax")


def target_of(request: Request, appid: str) -> str | None:
    """Where the visitor wanted to go. Nothing when this answer belongs to no authorisation of this browser,
    to one that took more than ten minutes, or to one that was answered before."""
    found = _opened(request, STATE, STATE_SECONDS)
    if found is None or len(found) != 3 or found[0] != appid:
        return None
    given = request.args.get("state", "")
    if not secrets.compare_digest(given.encode(), found[1].encode()):
        return None
    try:
        first = core().redis.set(f"wxtag:oauth:{found[1]}", 1, nx=True, ex=STATE_SECONDS)
    except RedisError:
        first = True  # the platform takes a code once only, and the browser forgets the state
    return found[2] if first else None


def enter(response: Response, appid: str, openid: str) -> None:
    """From now on this browser is this person; our other addresses ask `person_of`."""
    _set(response, PERSON, [appid, openid], PERSON_SECONDS, "/")


def person_of(request: Request) -> tuple[str, str] | None:
    """(appid, openid) of the visitor; nothing for a cookie that is missing, forged or older than 7 days."""
    found = _opened(request, PERSON, PERSON_SECONDS)
    return (found[0], found[1]) if found is not None and len(found) == 2 else None


def _set(response: Response, name: str, values: list[str], seconds: int, path: str) -> None:
    # Lax: the way back from the platform's page is a navigation, which brings the cookie along.
    response.set_cookie(
        name,
        _signer(name).dumps(values),
        max_age=seconds,
        path=path,
        secure=_secure(),
        httponly=True,
        samesite="Lax",
    )


def _opened(request: Request, name: str, seconds: int) -> list[str] | None:
    try:
        found = _signer(name).loads(request.cookies.get(name, ""), max_age=seconds)
    except BadData:
        return None
    return [str(one) for one in found] if isinstance(found, list) else None


def _signer(name: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(core().sealer.signing_key, salt=f"wxtag cookie {name}")


def _secure() -> bool:
    return core().settings.public_url.startswith("https://")
