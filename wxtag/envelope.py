"""Verifies and opens a callback as the platform sent it: at the door, and again when the inbox reads it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from wxtag.accounts import BoundAccount, account_key
from wxtag.envelope_crypto import Decrypted, decrypt, signature, signed
from wxtag.envelope_parsing import MAX_BODY, MAX_DEPTH, parse
from wxtag.errors import Malformed, Refused

__all__ = [
    "CONTAINER_CHECK",
    "MAX_BODY",
    "MAX_DEPTH",
    "SIGNATURE_PARAMETERS",
    "Decrypted",
    "Message",
    "canonical",
    "content_time",
    "decrypt",
    "is_container_check",
    "open_echo",
    "open_message",
    "signature",
]

SIGNATURE_PARAMETERS = ("signature", "msg_signature", "timestamp", "nonce", "encrypt_type", "openid")
"""What is kept of the query, so that a message can be verified again."""
CONTAINER_CHECK = "CheckContainerPath"
"""The `action` by which the mini-program console tries an address of cloud hosting; it is no message."""
_NOT_CONTENT = frozenset({"agentid", "encrypt"})


class Message(NamedTuple):
    """One callback, opened."""

    content: dict[str, Any]
    receiver: str
    """The corpid (lower case) or appid for which it is: what says the same twice is one message within it."""
    encrypted: bool


def open_message(account: BoundAccount, query: Mapping[str, str], body: bytes) -> Message:
    """Verifies the body of a POST against one account and opens it.

    Raises Refused (not from the platform, not for this account) or Malformed (cannot be read).
    """
    plain_allowed = account.kind != "wecom" and account.mode == "plain"
    if plain_allowed and not query.get("msg_signature"):
        _verify_plain(account, query)
    form, outer = parse(body)
    _check_format(account, form)
    names = _named(outer, "encrypt", "tousername", "msgtype")
    encrypted = names.get("encrypt")
    # A plain account whose owner has just switched the platform to safe mode: take the stronger proof.
    if encrypted is not None and (not plain_allowed or (account.aes_key and query.get("msg_signature"))):
        return _open_encrypted(account, query, form, names)
    if not plain_allowed:
        raise Refused("unencrypted", f"a body without Encrypt, and the account is bound as {account.mode}")
    _verify_plain(account, query)
    _check_content(account, outer, names)
    return Message(_without_encrypt(outer, names), account.key, encrypted=False)


def open_echo(account: BoundAccount, query: Mapping[str, str]) -> bytes:
    """The answer to a GET that verifies the address. Raises Refused or Malformed.

    WeCom encrypts the echostr; an Official Account and a mini-program send it plain in every mode.
    https://developer.work.weixin.qq.com/document/path/90930
    """
    echo = query.get("echostr", "")
    if account.kind != "wecom":
        _verify_plain(account, query)
        if not echo:
            raise Malformed("query", "the verification brings no echostr")
        return echo.encode("utf-8", "replace")
    opened = _decrypt_signed(account, query, echo)
    if not opened.message:
        raise Malformed("query", "the echostr is empty")
    return opened.message


def is_container_check(content: Mapping[str, Any]) -> bool:
    """Whether this is only the console trying the address (WeChat cloud hosting)."""
    return content.get("action") == CONTAINER_CHECK


def canonical(content: Mapping[str, Any]) -> bytes:
    """The form in which the same message is the same bytes, however it was encrypted and to which app sent.

    Every element counts except AgentID and Encrypt: FromUserName and CreateTime, or MsgId, are the same for
    different events (all tags of a group made in one second, two customers added in one second).
    """
    kept = {key: _leaf(value) for key, value in content.items() if key.lower() not in _NOT_CONTENT}
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


def content_time(content: Mapping[str, Any]) -> int | None:
    """When it happened, epoch milliseconds, as the platform says it (in seconds)."""
    for name in ("createtime", "timestamp"):
        try:
            text = str(_named(content, name).get(name) or "").strip()
        except Malformed:
            continue
        if text.isascii() and text.isdigit() and len(text) <= 11:
            return int(text) * 1000
    return None


def _open_encrypted(
    account: BoundAccount, query: Mapping[str, str], form: str, outer: Mapping[str, Any]
) -> Message:
    encrypted = outer["encrypt"]
    if not isinstance(encrypted, str) or not encrypted.strip():
        raise Malformed("encrypt", "Encrypt is not one text")
    opened = _decrypt_signed(account, query, encrypted.strip())
    inner_form, content = parse(opened.message)
    if inner_form != form:
        raise Malformed("format", f"{inner_form} inside {form}")
    names = _named(content, "encrypt", "tousername", "msgtype")
    if account.kind == "wecom":
        if "tousername" in outer:
            _check_corp(account, outer["tousername"])
        _check_corp(account, names.get("tousername"))
    _check_content(account, content, names)
    return Message(_without_encrypt(content, names), account.key, encrypted=True)


def _without_encrypt(content: dict[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    if "encrypt" not in names:
        return content
    return {key: value for key, value in content.items() if key.lower() != "encrypt"}


def _verify_plain(account: BoundAccount, query: Mapping[str, str]) -> None:
    given = query.get("signature", "")
    if not given or not signed(given, account.token, query.get("timestamp", ""), query.get("nonce", "")):
        raise Refused("signature", "the signature does not match the account's token")


def _decrypt_signed(account: BoundAccount, query: Mapping[str, str], encrypted: str) -> Decrypted:
    """Verifies msg_signature and opens with the current key, then with the one before it."""
    given, timestamp, nonce = (query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
    if not given or not signed(given, account.token, timestamp, nonce, encrypted):
        raise Refused("signature", "msg_signature does not match the account's token")
    first: Refused | None = None
    for key in filter(None, (account.aes_key, account.previous_aes_key)):
        try:
            opened = decrypt(key, encrypted)
        except Malformed as error:
            first = first or error
            continue
        if account_key(account.kind, opened.receiveid) == account.key:
            return opened
        first = first or Refused("receiver", "encrypted for another corpid or appid")
    raise first or Malformed("key", "the account is bound without an EncodingAESKey: bind it again with it")


def _check_format(account: BoundAccount, form: str) -> None:
    """WeCom's console lets an app choose JSON without telling us; the others are bound with one format."""
    if account.kind != "wecom" and form != account.format:
        raise Malformed("format", f"the body is {form}, and the account is bound as {account.format}")


def _check_corp(account: BoundAccount, receiver: Any) -> None:
    if not isinstance(receiver, str) or account_key("wecom", receiver.strip()) != account.key:
        raise Refused("receiver", "ToUserName is not this corp")


def _check_content(account: BoundAccount, content: Mapping[str, Any], names: Mapping[str, Any]) -> None:
    kind = names.get("msgtype")
    if isinstance(kind, str) and kind.strip():
        return
    if account.kind == "mini_program" and is_container_check(content):
        return
    raise Malformed("content", "there is no MsgType in the message")


def _named(content: Mapping[str, Any], *asked: str) -> dict[str, Any]:
    """The fields by their names in lower case (WeCom's JSON comes in both).

    Raises Malformed when one that is asked for stands there twice.
    """
    lowered = {key.lower(): value for key, value in content.items()}
    if len(lowered) < len(content):
        for name in asked:
            if sum(key.lower() == name for key in content) > 1:
                raise Malformed("content", f"{name} stands twice, written differently")
    return lowered


def _leaf(value: Any) -> Any:
    """Numbers as their text: XML knows no other, and JSON pushes come with either."""
    if isinstance(value, dict):
        return {key: _leaf(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_leaf(inner) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value
