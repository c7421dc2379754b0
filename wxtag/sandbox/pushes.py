"""The plain content of a callback, and the body and query it travels in."""

import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from wxtag.sandbox import crypt
from wxtag.sandbox.world import Doc

Fields = list[tuple[str, Any]]


@dataclass(frozen=True)
class Bare:
    """A text that stands in the XML without CDATA (numbers with a fixed look)."""

    text: str


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return f"<{name}>{''.join(_element(key, item) for key, item in value)}</{name}>"
    if isinstance(value, Bare):
        return f"<{name}>{value.text}</{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    return f"<{name}>{cdata(str(value))}</{name}>"


def cdata(text: str) -> str:
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def as_xml(fields: Fields) -> str:
    return f"<xml>{''.join(_element(name, value) for name, value in fields)}</xml>"


def as_json(fields: Fields) -> str:
    return json.dumps(_flat(fields), ensure_ascii=False, separators=(",", ":"))


def _flat(fields: Fields) -> Doc:
    shown: Doc = {}
    for name, value in fields:
        if isinstance(value, Bare):
            shown[name] = value.text
        elif isinstance(value, list) and value and isinstance(value[0], tuple):
            shown[name] = _flat(value)
        else:
            shown[name] = value
    return shown


def is_json(account: Doc) -> bool:
    """Mini-programs and apps of a corp may choose JSON."""
    return bool(account["kind"] != "official_account" and account.get("format") == "json")


def receiver_of(account: Doc) -> str:
    """The id behind the message inside the cipher."""
    return str(account["corpid"] if account["kind"] == "wecom" else account["appid"])


@dataclass(frozen=True)
class Parcel:
    """What goes over the wire: the query, the body and its type."""

    query: str
    body: bytes
    content_type: str
    nonce: str


def wrap(account: Doc, content: str, now: int, openid: str | None, agentid: bool = True) -> Parcel:
    nonce, stamp = str(secrets.randbelow(10**9) + 10**9), str(now)
    if account["kind"] == "wecom":
        return _wrap_wecom(account, content, stamp, nonce, agentid)
    token = account["token"]
    query = {"signature": crypt.signature(token, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    if openid:
        query["openid"] = openid
    body = content
    if account["mode"] != "plain":
        sealed = crypt.encrypt(account["aes_key"], content, receiver_of(account))
        query["encrypt_type"] = "aes"
        query["msg_signature"] = crypt.signature(token, stamp, nonce, sealed)
        body = _envelope(account, content, sealed)
    kind = "application/json" if is_json(account) else "text/xml"
    return Parcel(urlencode(query), body.encode(), kind, nonce)


def _envelope(account: Doc, content: str, sealed: str) -> str:
    """Safe mode has the cipher alone, compatible mode puts it beside the plain elements."""
    safe = account["mode"] == "safe"
    if is_json(account):
        plain = {"ToUserName": account["original_id"]} if safe else json.loads(content)
        return json.dumps({**plain, "Encrypt": sealed}, ensure_ascii=False, separators=(",", ":"))
    if safe:
        return as_xml([("ToUserName", account["original_id"]), ("Encrypt", sealed)])
    return content.removesuffix("</xml>") + _element("Encrypt", sealed) + "</xml>"


def _wrap_wecom(account: Doc, content: str, stamp: str, nonce: str, agentid: bool) -> Parcel:
    sealed = crypt.encrypt(account["aes_key"], content, account["corpid"])
    sign = crypt.signature(account["token"], stamp, nonce, sealed)
    fields: Fields = [("ToUserName", account["corpid"])]
    if agentid:
        fields.append(("AgentID", str(account["agentid"])))
    fields.append(("Encrypt", sealed))
    query = urlencode({"msg_signature": sign, "timestamp": stamp, "nonce": nonce})
    if is_json(account):
        # In lower case here; both spellings have been seen.
        plain = {name.lower(): value for name, value in fields}
        return Parcel(query, json.dumps(plain).encode(), "application/json", nonce)
    return Parcel(query, as_xml(fields).encode(), "text/xml", nonce)
