"""Seals what must not be read from a stolen database: secrets, phones, raw personal content.

AES-256-GCM with the id of the key in front, so that keys can be rotated: WXTAG_SECRET_KEY may hold
several keys separated by commas; the first one seals, any of them opens.
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wxtag.errors import WxtagError

NONCE = 12


class SealBroken(WxtagError):
    """What was sealed cannot be opened: another key, another purpose, or it was changed."""


class Sealer:
    """Seals and opens with the installation's keys. `purpose` binds a sealed text to its use."""

    def __init__(self, secret_key: str) -> None:
        keys = [part.strip() for part in secret_key.split(",") if part.strip()]
        if not keys:
            raise WxtagError("WXTAG_SECRET_KEY is empty: nothing can be sealed without it")
        self._keys = {_key_id(key): AESGCM(_derive(key, b"wxtag seal")) for key in keys}
        self._first = _key_id(keys[0])
        self._signing = _derive(keys[0], b"wxtag sign")

    @property
    def signing_key(self) -> bytes:
        """For session cookies and tokens; changes with the first key, which ends every session."""
        return self._signing

    @property
    def mark(self) -> bytes:
        """How everything begins that the newest key sealed as bytes."""
        return self._first.encode()

    @property
    def text_mark(self) -> str:
        """The same of sealed text: the characters that hold nothing but the key's id."""
        return base64.b64encode(self.mark).decode()[: len(self.mark) * 8 // 6]

    def seal_bytes(self, data: bytes, purpose: str) -> bytes:
        nonce = os.urandom(NONCE)
        return self._first.encode() + nonce + self._keys[self._first].encrypt(nonce, data, purpose.encode())

    def open_bytes(self, sealed: bytes, purpose: str) -> bytes:
        """Raises SealBroken."""
        key_id, nonce, rest = (
            sealed[:8].decode("ascii", "replace"),
            sealed[8 : 8 + NONCE],
            sealed[8 + NONCE :],
        )
        key = self._keys.get(key_id)
        if key is None:
            raise SealBroken(
                f"sealed with the key {key_id}, which is not in WXTAG_SECRET_KEY: add it after a comma"
            )
        try:
            return key.decrypt(nonce, rest, purpose.encode())
        except InvalidTag as error:
            raise SealBroken(f"a sealed {purpose} was changed or belongs elsewhere") from error

    def seal(self, text: str, purpose: str) -> str:
        return base64.b64encode(self.seal_bytes(text.encode(), purpose)).decode()

    def open(self, sealed: str, purpose: str) -> str:
        """Raises SealBroken."""
        return self.open_bytes(base64.b64decode(sealed), purpose).decode()


def keyed_hash(key: bytes, *parts: str) -> str:
    """A hash that nobody can try values against without the key; parts cannot run into each other."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def masked(secret: str) -> str:
    """A secret as people may see it: that it is there, and its last three characters when it is long."""
    return "•" * 6 + (secret[-3:] if len(secret) >= 16 else "")


def masked_phone(phone: str) -> str:
    """+8613800138000 as +86138****8000."""
    return phone[:-8] + "****" + phone[-4:] if len(phone) > 8 else "****"


def _key_id(key: str) -> str:
    return hashlib.sha256(b"wxtag key id " + key.encode()).hexdigest()[:8]


def _derive(key: str, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(key.encode())
