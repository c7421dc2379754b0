"""A fixed mix of what the platforms send, encrypted and signed as they do, for a made-up crowd."""

import base64
import hashlib
import json
import random
import secrets
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from wxtag.accounts import BoundAccount
from wxtag.spooling import SpoolRecord

TOKEN, KEY = "benchToken", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
ACCOUNTS: dict[str, dict[str, Any]] = {
    "corp": {"kind": "wecom", "corpid": "ww0bench000000001", "agentid": 1},
    "oa": {"kind": "official_account", "appid": "wx00000000000be7c1"},
    "mini": {"kind": "mini_program", "appid": "wx00000000000be7c2"},
}
STAFF = 20
MIX = (
    ("message", 15),
    ("location", 10),
    ("menu", 5),
    ("follow", 8),
    ("unfollow", 3),
    ("scan", 4),
    ("login", 10),
    ("pages", 10),
    ("add", 10),
    ("edit", 7),
    ("delete", 3),
    ("contact", 10),
    ("user_info", 5),
)
"""Of a hundred messages. Many people are new; the answers bring unionids and tags."""


class Sent(NamedTuple):
    """What one message is: `kind` of the mix, and the person's number."""

    kind: str
    person: int


def documents() -> dict[str, dict[str, Any]]:
    """What binds the accounts; all of one Open Platform account."""
    common = {"secret": "s", "token": TOKEN, "aes_key": KEY, "open_platform": "bench"}
    return {name: {**document, **common} for name, document in ACCOUNTS.items()}


def mix(count: int, seed: int, first: int = 0) -> Iterator[Sent]:
    """So many messages of the mix; people are numbered from `first` on, and come back often."""
    chance = random.Random(seed)
    kinds, weights = zip(*MIX, strict=True)
    for turn in range(count):
        yield Sent(chance.choices(kinds, weights)[0], first + chance.randrange(max(1, (turn + 10) // 2)))


def record(accounts: dict[str, BoundAccount], sent: Sent, number: int, now: int) -> SpoolRecord:
    """The message as the spool keeps it. `now`: epoch milliseconds; `number` makes its content its own."""
    source, account, content = _content(sent, number, now // 1000)
    event = sent.kind if source == "lookup" else {"login": "login", "pages": "events"}.get(sent.kind, "")
    bound = accounts[account]
    if source != "callback":
        body, query = json.dumps(content, ensure_ascii=False).encode(), {}
    else:
        body, query = envelope(bound.appid, content, str(number), now // 1000)
    return SpoolRecord(
        account_id=bound.id,
        company_id=bound.company_id,
        source=source,
        event=event,
        body=body,
        received_at=now,
        query=query,
    )


def envelope(
    receiver: str, content: dict[str, Any], nonce: str, now: int, token: str = TOKEN, key: str = KEY
) -> tuple[bytes, dict[str, str]]:
    """An encrypted XML body and its query. `now`: epoch seconds."""
    message = f"<xml>{_xml(content)}</xml>".encode()
    raw = base64.b64decode(key + "=")
    full = secrets.token_bytes(16) + struct.pack(">I", len(message)) + message + receiver.encode()
    pad = 32 - len(full) % 32
    encryptor = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).encryptor()
    encrypted = base64.b64encode(encryptor.update(full + bytes([pad]) * pad)).decode()
    signature = hashlib.sha1("".join(sorted([token, str(now), nonce, encrypted])).encode()).hexdigest()
    plain = hashlib.sha1("".join(sorted([token, str(now), nonce])).encode()).hexdigest()
    query = {"msg_signature": signature, "signature": plain, "timestamp": str(now), "nonce": nonce}
    to = f"<ToUserName><![CDATA[{receiver}]]></ToUserName>"
    body = f"<xml>{to}<Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    return body.encode(), {**query, "encrypt_type": "aes"}


def _xml(content: dict[str, Any]) -> str:
    return "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in content.items())


def _content(sent: Sent, number: int, now: int) -> tuple[str, str, dict[str, Any]]:
    """(source, account, content) of one message."""
    kind, person = sent
    fan, contact = f"oBENCH{person:022d}", f"wmBENCH{person:025d}"
    if kind in ("login", "pages"):
        who = {"openid": f"mBENCH{person:022d}"}
        if kind == "login":
            return "mini", "mini", {**who, "unionid": f"uBENCH{person:022d}", "login": number}
        pages = [{"kind": "page", "path": f"pages/goods?id={number}", "at": now * 1000 - i} for i in range(2)]
        return "mini", "mini", {**who, "events": pages}
    if kind == "contact":
        return "lookup", "corp", _contact_answer(contact, person, number, now)
    if kind == "user_info":
        info = {"subscribe": 1, "openid": fan, "nickname": "", "unionid": f"uBENCH{person:022d}"}
        return "lookup", "oa", {"subject": fan, "asked_at": now * 1000, "answer": info}
    if kind in ("add", "edit", "delete"):
        change = {"add": "add_external_contact", "edit": "edit_external_contact", "delete": "del_follow_user"}
        return (
            "callback",
            "corp",
            {
                "ToUserName": ACCOUNTS["corp"]["corpid"],
                "FromUserName": "sys",
                "CreateTime": now,
                "MsgType": "event",
                "Event": "change_external_contact",
                "ChangeType": change[kind],
                "UserID": f"staff{person % STAFF:02d}",
                "ExternalUserID": contact,
                "WelcomeCode": f"WC{number}",
                "State": f"poster-{person % 50:03d}",
            },
        )
    head = {"ToUserName": "gh_0bench", "FromUserName": fan, "CreateTime": now}
    if kind == "message":
        return "callback", "oa", {**head, "MsgType": "text", "Content": "hello", "MsgId": 10**16 + number}
    event = {
        "location": {
            "Event": "LOCATION",
            "Latitude": 30.25 + person % 7,
            "Longitude": 120.17,
            "Precision": number,
        },
        "menu": {"Event": "CLICK", "EventKey": f"menu-{number}"},
        "follow": {"Event": "subscribe", "EventKey": f"qrscene_poster-{person % 50:03d}", "Ticket": number},
        "unfollow": {"Event": "unsubscribe", "EventKey": "", "Ticket": number},
        "scan": {"Event": "SCAN", "EventKey": f"poster-{person % 50:03d}", "Ticket": number},
    }[kind]
    return "callback", "oa", {**head, "MsgType": "event", **event}


def _contact_answer(contact: str, person: int, number: int, now: int) -> dict[str, Any]:
    follower = {
        "userid": f"staff{person % STAFF:02d}",
        "remark": "",
        "createtime": now - 60,
        "state": f"poster-{person % 50:03d}",
        "add_way": 1,
        "tags": [
            {"group_name": "bench", "tag_name": "vip", "tag_id": f"etBENCH{person % 30:04d}", "type": 1}
        ],
    }
    external = {
        "external_userid": contact,
        "name": f"Person {person}",
        "type": 1,
        "unionid": f"uBENCH{person:022d}",
    }
    answer = {"external_contact": external, "follow_user": [follower], "nth": number}
    return {"subject": contact, "asked_at": now * 1000, "answer": answer}
