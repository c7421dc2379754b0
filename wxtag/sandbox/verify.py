"""Plays "save configuration": the platform asks the URL before it accepts it."""

import secrets
from urllib.parse import urlencode

from wxtag.sandbox import crypt, ids
from wxtag.sandbox.http_client import NoAnswer, send
from wxtag.sandbox.world import Doc


def check_url(account: Doc, url: str, now: int, timeout: float) -> Doc:
    """The result: ok, or what was wrong and what came back."""
    stamp, nonce = str(now), str(secrets.randbelow(10**9) + 10**9)
    expected = str(secrets.randbelow(10**18) + 10**18) if account["kind"] == "wecom" else ids.new_text(20)
    if account["kind"] == "wecom":
        sealed = crypt.encrypt(account["aes_key"], expected, account["corpid"])
        query = {
            "msg_signature": crypt.signature(account["token"], stamp, nonce, sealed),
            "timestamp": stamp,
            "nonce": nonce,
            "echostr": sealed,
        }
    else:
        query = {
            "signature": crypt.signature(account["token"], stamp, nonce),
            "timestamp": stamp,
            "nonce": nonce,
            "echostr": expected,
        }
    try:
        answer = send("GET", url + ("&" if "?" in url else "?") + urlencode(query), timeout=timeout)
    except NoAnswer as problem:
        return {"ok": False, "error": str(problem), "got": None}
    if answer.status != 200:
        return {"ok": False, "error": f"HTTP {answer.status}", "got": answer.body[:500]}
    if answer.body != expected:
        return {"ok": False, "error": "the body is not the expected echo", "got": answer.body[:500]}
    return {"ok": True}
