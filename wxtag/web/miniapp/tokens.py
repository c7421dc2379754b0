"""The session of a person in a mini-program: a signed token of ours, bound to the appid and the openid."""

from itsdangerous import BadData, URLSafeTimedSerializer

from wxtag.app import core

SECONDS = 7 * 86_400


def make_token(appid: str, openid: str) -> str:
    return _signer().dumps([appid, openid])


def openid_of(token: str, appid: str) -> str | None:
    """Whose token this is; nothing for one that is forged, older than 7 days, or of another mini-program."""
    try:
        found = _signer().loads(token, max_age=SECONDS)
    except BadData:
        return None
    if not isinstance(found, list) or len(found) != 2 or found[0] != appid:
        return None
    return str(found[1])


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(core().sealer.signing_key, salt="wxtag mini-program session")
