"""Opens callbacks the way the reference page tells it, independent of the sandbox's own code."""

import base64
import hashlib
import struct
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def sha(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def unseal(aes_key: str, sealed: str) -> tuple[str, str, int]:
    """Message, receiver id and the length of the padding."""
    key = base64.b64decode(aes_key + "=")
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
    full = cipher.update(base64.b64decode(sealed)) + cipher.finalize()
    pad = full[-1]
    assert 1 <= pad <= 32 and full[-pad:] == bytes([pad]) * pad
    (length,) = struct.unpack(">I", full[16:20])
    return full[20 : 20 + length].decode(), full[20 + length : -pad].decode(), pad


def seal(aes_key: str, message: str, receiver: str) -> str:
    key = base64.b64decode(aes_key + "=")
    full = (
        b"0123456789abcdef" + struct.pack(">I", len(message.encode())) + message.encode() + receiver.encode()
    )
    pad = 32 - len(full) % 32
    full += bytes([pad]) * pad
    cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(cipher.update(full) + cipher.finalize()).decode()


def between(text: str, name: str) -> str:
    """The text of an element, without CDATA."""
    inner = text.split(f"<{name}>", 1)[1].split(f"</{name}>", 1)[0]
    return inner.removeprefix("<![CDATA[").removesuffix("]]>")


def opened(account: dict[str, Any], push: dict[str, Any]) -> str:
    """Checks the signature of a WeCom or safe-mode push and gives its content."""
    query = push["query"]
    sealed = between(push["body"], "Encrypt")
    assert query["msg_signature"] == sha(account["token"], query["timestamp"], query["nonce"], sealed)
    message, receiver, _ = unseal(account["aes_key"], sealed)
    assert receiver == account.get("corpid", account.get("appid"))
    return message


def echo(account: dict[str, Any], request: dict[str, Any]) -> tuple[int, str]:
    """The right answer to the check of the URL."""
    query = request["query"]
    if account["kind"] == "wecom":
        expected = sha(account["token"], query["timestamp"], query["nonce"], query["echostr"])
        assert query["msg_signature"] == expected
        return 200, unseal(account["aes_key"], query["echostr"])[0]
    assert query["signature"] == sha(account["token"], query["timestamp"], query["nonce"])
    return 200, query["echostr"]


def connect(world: Any, product: Any, key: str) -> dict[str, Any]:
    """Configures the product as receiver of an account's callbacks."""
    account = world.account(key)
    before = product.reply
    product.reply = lambda request: echo(account, request) if request["method"] == "GET" else before(request)
    world.control("PUT", f"accounts/{key}/callback", {"url": f"{product.url}/cb/{key}"})
    return account
