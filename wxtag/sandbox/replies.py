"""Looks at the answer to a callback: nothing, `success`, or a passive reply that must be right."""

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

from wxtag.sandbox import crypt
from wxtag.sandbox.pushes import is_json, receiver_of
from wxtag.sandbox.world import Doc


def examine(account: Doc, body: str) -> Doc:
    """`kind` is empty, success, passive or invalid; a passive reply comes with its content."""
    text = body.strip()
    if not text:
        return {"kind": "empty"}
    if text == "success":
        return {"kind": "success"}
    try:
        fields = _parse(account, text)
        if "Encrypt" in fields:
            return {"kind": "passive", "content": _open(account, fields)}
        if account["kind"] == "wecom" or account["mode"] == "safe":
            return {"kind": "invalid", "error": "a passive reply must be encrypted here"}
        _check_content(account, fields)
        return {"kind": "passive", "content": text}
    except (ValueError, crypt.Unreadable) as problem:
        return {"kind": "invalid", "error": str(problem)}


def _parse(account: Doc, text: str) -> dict[str, Any]:
    if is_json(account):
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("not a JSON object")
        return found
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a document type has no place here")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as problem:
        raise ValueError(f"not XML: {problem}") from problem
    return {child.tag: child.text or "" for child in root}


def _open(account: Doc, fields: dict[str, Any]) -> str:
    sealed, stamp, nonce = (str(fields.get(name, "")) for name in ("Encrypt", "TimeStamp", "Nonce"))
    if crypt.signature(account["token"], stamp, nonce, sealed) != str(fields.get("MsgSignature", "")):
        raise ValueError("MsgSignature of the reply is wrong")
    content, receiver = crypt.decrypt(account["aes_key"], sealed)
    if receiver != receiver_of(account):
        raise ValueError(f"reply is sealed for {receiver}")
    _check_content(account, _parse(account, content))
    return content


def _check_content(account: Doc, fields: dict[str, Any]) -> None:
    missing = [n for n in ("ToUserName", "FromUserName", "CreateTime", "MsgType") if not fields.get(n)]
    if missing:
        raise ValueError(f"reply lacks {', '.join(missing)}")
    if fields["MsgType"] == "text" and not fields.get("Content"):
        raise ValueError("a text reply with empty Content shows a fault notice")
