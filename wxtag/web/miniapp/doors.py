"""The addresses for mini-programs: login, a verified phone, and what their front end reports.

What comes goes into the durable spool like a callback and down the same line; no database is needed here.
"""

import json
from typing import Any

from apiflask import APIBlueprint, HTTPTokenAuth
from flask import current_app, request

from wxtag import clock, texts
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.errors import PlatformError
from wxtag.phones import mobile
from wxtag.platforms import mini_program
from wxtag.sealing import masked_phone
from wxtag.snapshot import Snapshot
from wxtag.spool import spool_of
from wxtag.spooling import SpoolRecord
from wxtag.web.api.shapes import Answer
from wxtag.web.errors import MINI_MESSAGES, Problem
from wxtag.web.miniapp.reports import Code, Reports, plain
from wxtag.web.miniapp.tokens import make_token, openid_of

bp = APIBlueprint("mini", __name__, url_prefix="/mini/<appid>", tag="Mini-programs")
LARGEST = 64 * 1024
SNAPSHOT = "wxtag_mini_snapshot"
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
    account = _account(appid)
    try:
        found = mini_program(account).login(json_data.code)
    except PlatformError as error:
        raise _problem(error) from error
    now = clock.now()
    body = {name: found[name] for name in ("openid", "unionid") if found.get(name)}
    _keep(account, "login", {**body, "at": now}, now)
    return {"token": make_token(account.appid, found["openid"]), "roles": []}


@bp.post("/phone")
@bp.auth_required(auth)
@bp.input(Code)
@bp.output(Phone)
def phone(appid: str, json_data: Code) -> dict[str, Any]:
    """Takes the phone that WeChat has verified; answers it masked."""
    account = _account(appid)
    try:
        found = mini_program(account).phone(json_data.code)
    except PlatformError as error:
        raise _problem(error) from error
    number = mobile(f"+{found.get('countryCode') or '86'}{found.get('purePhoneNumber') or ''}")
    if number is None:
        raise Problem(422, texts.MINI_PHONE_REFUSED)
    now = clock.now()
    _keep(account, "phone", {"openid": _openid(), "phone": number, "at": now}, now)
    return {"phone": masked_phone(number)}


@bp.post("/events")
@bp.auth_required(auth)
@bp.input(Reports)
@bp.output(Taken)
def report(appid: str, json_data: Reports) -> dict[str, Any]:
    """Takes up to 100 launches, pages, shares, devices and locations of the person who is logged in."""
    account, now = _account(appid), clock.now()
    events = plain(json_data, now)
    body = {
        "openid": _openid(),
        "ip": request.remote_addr or "",
        "user_agent": request.headers.get("User-Agent", "")[:512],
        "at": now,
        "events": events,
    }
    _keep(account, "events", body, now)
    return {"taken": len(events)}


def _account(appid: str) -> BoundAccount:
    accounts = _snapshot().find("mini_program", appid)
    if not accounts:
        raise Problem(404, texts.MINI_UNKNOWN)
    return accounts[0]


def _snapshot() -> Snapshot:
    """One for the application: it reads its file only when that has changed."""
    found = current_app.extensions.setdefault(SNAPSHOT, Snapshot(core().settings, core().sealer))
    assert isinstance(found, Snapshot)
    return found


def _openid() -> str:
    return str(auth.current_user)


def _keep(account: BoundAccount, event: str, body: dict[str, Any], now: int) -> None:
    """On the disk before the answer. Raises Unavailable, which is answered 503."""
    record = SpoolRecord(
        account_id=account.id,
        company_id=account.company_id,
        source="mini",
        body=json.dumps(body, ensure_ascii=False).encode(),
        received_at=now,
        event=event,
    )
    spool_of(core().settings).put(record)


def _problem(error: PlatformError) -> Problem:
    """A code that is used up or invented is the front end's to renew; the rest is not."""
    if error.action == "give_up":
        return Problem(400, texts.MINI_BAD_CODE, "bad_code")
    return Problem(503, texts.MINI_PLATFORM_DOWN if error.action == "wait" else MINI_MESSAGES[503])
