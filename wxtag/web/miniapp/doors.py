"""The addresses for mini-programs: login, a verified phone, and what their front end reports.

What comes goes into the durable spool like a callback and down the same line; no database is needed here.
"""

from typing import Any

from apiflask import APIBlueprint, HTTPTokenAuth
from flask import request

from wxtag import clock, texts
from wxtag.accounts import BoundAccount
from wxtag.errors import PlatformError
from wxtag.phones import mobile
from wxtag.platforms import mini_program
from wxtag.sealing import masked_phone
from wxtag.web.api.shapes import Answer
from wxtag.web.arrivals import account_of, keep
from wxtag.web.errors import MINI_MESSAGES, Problem
from wxtag.web.limits import address, closed_after, failed, slow_down
from wxtag.web.miniapp.reports import Code, Reports, plain
from wxtag.web.miniapp.tokens import make_token, openid_of

bp = APIBlueprint("mini", __name__, url_prefix="/mini/<appid>", tag="Mini-programs")
LARGEST = 64 * 1024
LOGINS, BAD_LOGINS = 600, 60
"""In a minute from one address: behind one of a mobile network's there are many people."""
PHONES, REPORTS = 5, 60
"""In a minute of one person; each phone that is answered costs the company money."""
auth = HTTPTokenAuth(name="MiniSession", description="The token that /mini/<appid>/login answered.")


class Session(Answer):
    token: str
    roles: list[str]


class Phone(Answer):
    phone: str


class Taken(Answer):
    taken: int


@bp.before_request
def _limit() -> None:
    request.max_content_length = LARGEST


@auth.verify_token  # type: ignore[untyped-decorator]
def _verify(token: str) -> str | None:
    appid = (request.view_args or {}).get("appid", "")
    return openid_of(token, appid) if token else None


@bp.post("/login")
@bp.input(Code)
@bp.output(Session)
def login(appid: str, json_data: Code) -> dict[str, Any]:
    """Answers a session token, and the roles that the person has."""
    account, sender = _account(appid), address()
    slow_down("mini login", sender, LOGINS)
    closed_after("mini bad login", sender, BAD_LOGINS)
    try:
        found = mini_program(account).login(json_data.code)
    except PlatformError as error:
        if error.action == "give_up":
            failed("mini bad login", sender)
        raise _problem(error) from error
    now = clock.now()
    body = {name: found[name] for name in ("openid", "unionid") if found.get(name)}
    keep(account, "mini", "login", {**body, "at": now}, now)
    return {"token": make_token(account.appid, found["openid"]), "roles": []}


@bp.post("/phone")
@bp.auth_required(auth)
@bp.input(Code)
@bp.output(Phone)
def phone(appid: str, json_data: Code) -> dict[str, Any]:
    """Takes the phone that WeChat has verified; answers it masked."""
    account = _account(appid)
    slow_down("mini phone", f"{appid} {_openid()}", PHONES)
    try:
        found = mini_program(account).phone(json_data.code)
    except PlatformError as error:
        raise _problem(error) from error
    number = mobile(f"+{found.get('countryCode') or '86'}{found.get('purePhoneNumber') or ''}")
    if number is None:
        raise Problem(422, texts.MINI_PHONE_REFUSED)
    now = clock.now()
    keep(account, "mini", "phone", {"openid": _openid(), "phone": number, "at": now}, now)
    return {"phone": masked_phone(number)}


@bp.post("/events")
@bp.auth_required(auth)
@bp.input(Reports)
@bp.output(Taken)
def report(appid: str, json_data: Reports) -> dict[str, Any]:
    """Takes up to 100 launches, pages, shares, devices and locations of the person who is logged in."""
    account, now = _account(appid), clock.now()
    slow_down("mini events", f"{appid} {_openid()}", REPORTS)
    events = plain(json_data, now)
    body = {
        "openid": _openid(),
        "ip": request.remote_addr or "",
        "user_agent": request.headers.get("User-Agent", "")[:512],
        "at": now,
        "events": events,
    }
    keep(account, "mini", "events", body, now)
    return {"taken": len(events)}


def _account(appid: str) -> BoundAccount:
    account = account_of("mini_program", appid)
    if account is None:
        raise Problem(404, texts.MINI_UNKNOWN)
    return account


def _openid() -> str:
    return str(auth.current_user)


def _problem(error: PlatformError) -> Problem:
    """A code that is used up or invented is the front end's to renew; the rest is not."""
    if error.action == "give_up":
        return Problem(400, texts.MINI_BAD_CODE, "bad_code")
    return Problem(503, texts.MINI_PLATFORM_DOWN if error.action == "wait" else MINI_MESSAGES[503])
