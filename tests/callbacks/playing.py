"""Plays a platform that sends callbacks; written from the reference, without the product's own crypto."""

import base64
import hashlib
import struct
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from wxtag.accounts import BoundAccount, account_key

CORP = "ww0demo0000000001"
OA = "wx5c0ffee5c0ffee01"
MP = "wx5c0ffee5c0ffee02"
MP_JSON = "wx5c0ffee5c0ffee03"
OA_PLAIN = "wx5c0ffee5c0ffee04"
OA_COMPATIBLE = "wx5c0ffee5c0ffee05"
MP_PLAIN = "wx5c0ffee5c0ffee06"
AES_KEY = "Q2hhbm5lbEtleUZvclNjcm1Db25uZWN0b3JUZXN0MDE"
OLD_KEY = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
OTHER_KEY = "ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0B"
TOKEN = "scrmPushTok2026"
NOW = 1_790_000_000
"""Seconds: when the tests' callbacks are sent."""


def account(kind: str, appid: str, id: int = 1, **changes: Any) -> BoundAccount:
    values: dict[str, Any] = {
        "id": id,
        "company_id": 1,
        "kind": kind,
        "appid": appid,
        "key": account_key(kind, appid),
        "agentid": 0,
        "name": appid,
        "open_platform": "",
        "mode": "safe",
        "format": "xml",
        "secret": "s3cret",
        "token": TOKEN,
        "aes_key": AES_KEY,
    }
    return BoundAccount(**{**values, **changes})


def accounts() -> list[BoundAccount]:
    return [
        account("wecom", CORP, 1, agentid=1000001, previous_aes_key=OLD_KEY),
        account("wecom", CORP, 2, agentid=1000002, token="secondApp", aes_key=OTHER_KEY),
        account("official_account", OA, 3),
        account("official_account", OA_PLAIN, 4, mode="plain", aes_key=""),
        account("official_account", OA_COMPATIBLE, 5, mode="compatible"),
        account("mini_program", MP, 6),
        account("mini_program", MP_JSON, 7, format="json"),
        account("mini_program", MP_PLAIN, 8, mode="plain", format="json", aes_key=""),
    ]


def sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt(
    message: bytes,
    receiveid: str,
    key: str = AES_KEY,
    *,
    random: bytes = b"0123456789abcdef",
    length: int | None = None,
    pad: bytes | None = None,
) -> str:
    raw = base64.b64decode(key + "=")
    size = len(message) if length is None else length
    full = random + struct.pack(">I", size) + message + receiveid.encode()
    count = 32 - len(full) % 32
    full += bytes([count]) * count if pad is None else pad
    encryptor = Cipher(algorithms.AES(raw), modes.CBC(raw[:16])).encryptor()
    return base64.b64encode(encryptor.update(full) + encryptor.finalize()).decode()


def query(
    encrypted: str | None = None, *, token: str = TOKEN, at: int = NOW, nonce: str = "n0nce"
) -> dict[str, str]:
    found = {"signature": sign(token, str(at), nonce), "timestamp": str(at), "nonce": nonce}
    if encrypted is not None:
        found["encrypt_type"] = "aes"
        found["msg_signature"] = sign(token, str(at), nonce, encrypted)
    return found


def xml(**fields: object) -> bytes:
    inside = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml>{inside}</xml>".encode()


def wrapped(encrypted: str, to: str = CORP, **more: str) -> bytes:
    return xml(ToUserName=to, **more, Encrypt=encrypted)


def corp_event(**changes: object) -> bytes:
    return xml(
        **{
            "ToUserName": CORP,
            "FromUserName": "sys",
            "CreateTime": NOW,
            "MsgType": "event",
            "Event": "change_external_contact",
            "ChangeType": "add_external_contact",
            "UserID": "zhao",
            "ExternalUserID": "wmDEMO0000000000000000000000001A",
            **changes,
        }
    )


def fan_event(**changes: object) -> bytes:
    return xml(
        **{
            "ToUserName": "gh_0a1b2c3d4e5f",
            "FromUserName": "oScrm0_demo-fan-openid-00001",
            "CreateTime": NOW,
            "MsgType": "event",
            "Event": "subscribe",
            **changes,
        }
    )
