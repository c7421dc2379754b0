"""Lets messages arrive in the inbox, encrypted as the platforms do, without a web server."""

import itertools
from collections.abc import Mapping

from tests.callbacks import playing
from wxtag import companies
from wxtag.accounts import BoundAccount
from wxtag.app import core
from wxtag.database import writing
from wxtag.inbox import accept
from wxtag.models import Company
from wxtag.spooling import SpoolRecord

COUNTER = itertools.count(1)
WECOM = {
    "kind": "wecom",
    "corpid": playing.CORP,
    "agentid": 1000001,
    "secret": "secret-one",
    "token": playing.TOKEN,
    "aes_key": playing.AES_KEY,
    "open_platform": "open-1",
}
OFFICIAL = {
    "kind": "official_account",
    "appid": playing.OA,
    "secret": "secret-two",
    "token": playing.TOKEN,
    "aes_key": playing.AES_KEY,
    "open_platform": "open-1",
}


def bound(company: Company, document: Mapping[str, object]) -> BoundAccount:
    with writing() as session:
        row = companies.bind(session, core().sealer, company, dict(document))
        return companies.opened(row, core().sealer)


def record(account: BoundAccount, xml: str, at: int = playing.NOW * 1000) -> SpoolRecord:
    """One push of this plain XML, encrypted anew each time (another nonce, other random bytes)."""
    number = next(COUNTER)
    encrypted = playing.encrypt(xml.encode(), account.appid, random=f"{number:016d}".encode())
    nonce, timestamp = f"n{number}", str(at // 1000)
    return SpoolRecord(
        account_id=account.id,
        company_id=account.company_id,
        source="callback",
        body=f"<xml><ToUserName><![CDATA[{account.appid}]]></ToUserName>"
        f"<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode(),
        received_at=at,
        query={
            "msg_signature": playing.sign(account.token, timestamp, nonce, encrypted),
            "signature": playing.sign(account.token, timestamp, nonce),
            "timestamp": timestamp,
            "nonce": nonce,
            "encrypt_type": "aes",
        },
    )


def arrive(account: BoundAccount, *xmls: str, at: int = playing.NOW * 1000) -> int:
    """These messages arrive, in this order; returns how many were taken in."""
    return accept([(f"test:{next(COUNTER)}", record(account, xml, at)) for xml in xmls])


def xml(**fields: object) -> str:
    """A message with these elements."""
    return "<xml>" + "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in fields.items()) + "</xml>"


def wecom_event(change: str, external: str = "wmLin", userid: str = "Zhao", **more: object) -> str:
    at = more.pop("at", playing.NOW)
    return xml(
        ToUserName=playing.CORP,
        FromUserName="sys",
        CreateTime=at,
        MsgType="event",
        Event="change_external_contact",
        ChangeType=change,
        UserID=userid,
        ExternalUserID=external,
        **more,
    )


def fan_event(event: str, openid: str = "oLin", **more: object) -> str:
    at = more.pop("at", playing.NOW)
    return xml(
        ToUserName="gh_0a1b2c3d4e5f",
        FromUserName=openid,
        CreateTime=at,
        MsgType="event",
        Event=event,
        **more,
    )
