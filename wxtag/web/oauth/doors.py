"""Web authorisation of an Official Account: a visitor goes to WeChat's page and comes back as somebody.

https://developers.weixin.qq.com/doc/service/guide/h5/auth.html
"""

from typing import Any
from urllib.parse import urlencode, urlsplit

from apiflask import APIBlueprint
from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from wxtag import clock, texts
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.errors import PlatformError
from wxtag.platforms import official_account
from wxtag.web.arrivals import account_of, keep
from wxtag.web.errors import Problem
from wxtag.web.limits import address, slow_down
from wxtag.web.oauth import cookies

bp = APIBlueprint("oauth", __name__, url_prefix="/oauth/<appid>", enable_openapi=False)
SCOPES = ("snsapi_base", "snsapi_userinfo")
LONGEST = 512
A_MINUTE = 600
"""Requests from one address: behind one of a mobile network's there are many people."""
NO_PERMISSION = 48001


@bp.before_request
def _limit() -> None:
    slow_down("oauth", address(), A_MINUTE)


@bp.get("/start")
def start(appid: str) -> Response:
    """Sends the visitor to WeChat's page; `next` is where on this site they want to go."""
    account = _account(appid)
    scope, target = request.args.get("scope", SCOPES[0]), request.args.get("next", "/")
    if scope not in SCOPES or not own(target):
        raise Problem(400, texts.ERRORS[400])
    state = cookies.new_state()
    base = core().settings.public_url or request.host_url.rstrip("/")
    # In this order: it is told that WeChat wants it so.
    query = urlencode(
        {
            "appid": account.appid,
            "redirect_uri": base + url_for("oauth.back", appid=account.appid),
            "response_type": "code",
            "scope": scope,
            "state": state,
        }
    )
    response = redirect(f"{core().settings.wechat_authorise_url}?{query}#wechat_redirect")
    cookies.begin(response, account.appid, target, state)
    return response


@bp.get("/back")
def back(appid: str) -> Response:
    """Where WeChat's page sends the visitor: says who they are, then on to where they wanted to go."""
    account = _account(appid)
    target = cookies.target_of(request, account.appid)
    if target is None:
        response = _notice(400)
    elif request.args.get("code"):
        response = _entered(account, request.args["code"], target)
    else:
        response = redirect(target)  # the visitor did not consent: they stay a stranger
    cookies.finish(response, account.appid)
    return response


def own(target: str) -> bool:
    """Whether this is a path of this site. A browser takes //x, /\\x and /<tab>/x for other sites."""
    if not target.startswith("/") or target.startswith("//") or len(target) > LONGEST:
        return False
    if any(letter <= " " or letter in "\\\x7f" for letter in target):
        return False
    parts = urlsplit(target)
    return not parts.scheme and not parts.netloc and not parts.path.startswith("/oauth/")


def _entered(account: BoundAccount, code: str, target: str) -> Response:
    if len(code) > LONGEST:
        return _notice(400)
    try:
        found = _person(account, code)
    except PlatformError as error:
        return _notice(400 if error.action == "give_up" else 503)
    response = redirect(target)
    if found is not None:
        now = clock.now()
        keep(account, "oauth", "login", {**found, "at": now}, now)
        cookies.enter(response, account.appid, found["openid"])
    return response


def _person(account: BoundAccount, code: str) -> dict[str, Any] | None:
    """openid, and with consent unionid and name; nothing for a snapshot. Raises PlatformError.

    Where a page asks for consent against the rules, WeChat shows a snapshot of it to an invented account,
    whose ids would make, or join, a person who does not exist.
    """
    client = official_account(account)
    user = client.oauth_user(code)
    if str(user.get("is_snapshotuser", "0")) == "1":
        return None
    found = {"openid": user["openid"]}
    if SCOPES[1] not in str(user.get("scope", "")).split(","):
        return found
    try:
        profile = client.oauth_profile(str(user.get("access_token", "")), user["openid"])
    except PlatformError as error:
        if error.code == NO_PERMISSION:
            return None
        raise
    # The flag may be missing at the first hit; a person who consented has a name.
    if profile.get("openid") != user["openid"] or not str(profile.get("nickname") or "").strip():
        return None
    unionid = profile.get("unionid") or user.get("unionid")
    if isinstance(unionid, str) and unionid:
        found["unionid"] = unionid
    return {**found, "nickname": str(profile["nickname"])[:190]}


def _account(appid: str) -> BoundAccount:
    account = account_of("official_account", appid)
    if account is None:
        raise Problem(404, texts.ERRORS[404])
    return account


def _notice(status: int) -> Response:
    text = texts.OAUTH_AGAIN if status == 400 else texts.MINI_PLATFORM_DOWN
    page = render_template("notice.html", title=texts.OAUTH_TITLE, text=text)
    return Response(page, status, content_type="text/html; charset=utf-8")
