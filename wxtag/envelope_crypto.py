"""Signature and encryption of callbacks: one scheme, shared by WeCom and WeChat.

https://developer.work.weixin.qq.com/document/path/90968
https://developers.weixin.qq.com/doc/oplatform/developers/dev/push/encryption.html
"""

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from wxtag.errors import Malformed

BLOCK = 32
"""PKCS#7 pads to 32 bytes although AES has blocks of 16: pads of 17 to 32 are right."""
HEAD = 20
"""16 random bytes and the length of the message."""
_PADS = [bytes([pad]) * pad for pad in range(BLOCK + 1)]


class Decrypted(NamedTuple):
    """What was inside; `receiveid` is the corpid or appid for which it was encrypted."""

    random: bytes
    message: bytes
    receiveid: str


def signature(token: str, *parts: str) -> str:
    """Lower-case hex SHA-1 of the token and the parts, sorted bytewise and joined."""
    # UTF-8 keeps the order of code points: sorting the texts sorts the bytes.
    raw = "".join(sorted((token, *parts))).encode("utf-8", "replace")
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()


def signed(given: str, token: str, *parts: str) -> bool:
    """Whether `given` is the signature; takes as long for a wrong one as for the right one."""
    expected = signature(token, *parts)
    return hmac.compare_digest(given if given.isascii() else "", expected)


def decrypt(aes_key: str, encrypted: str) -> Decrypted:
    """Opens one base64 ciphertext with an EncodingAESKey of 43 characters. Raises Malformed."""
    try:
        sealed = binascii.a2b_base64(encrypted, strict_mode=True)
    except ValueError as error:
        raise Malformed("base64", "what is encrypted is not base64") from error
    if not sealed or len(sealed) % 16:
        raise Malformed("cipher", f"{len(sealed)} encrypted bytes: expected a multiple of 16")
    # Whole blocks: nothing is left over for finalize().
    plain = _cipher(aes_key).decryptor().update(sealed)
    pad = plain[-1]
    if not 1 <= pad <= BLOCK or not plain.endswith(_PADS[pad]):
        raise Malformed("padding", "the padding is wrong: probably another EncodingAESKey")
    end = len(plain) - pad
    length = int.from_bytes(plain[16:HEAD], "big")
    if end < HEAD or HEAD + length > end:
        raise Malformed("length", "the message inside is longer than what came")
    try:
        receiveid = plain[HEAD + length : end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("encoding", "the receiveid inside is not UTF-8") from error
    return Decrypted(plain[:16], plain[HEAD : HEAD + length], receiveid)


@lru_cache(maxsize=256)
def _cipher(aes_key: str) -> Cipher[CBC]:
    """AES-256-CBC whose IV is the key's beginning.

    The last character may carry bits that belong to no byte: b64decode leaves them out.
    """
    try:
        key = base64.b64decode(aes_key + "=")
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Malformed("key", "the account is bound without a usable EncodingAESKey: bind it again")
    return Cipher(AES(key), CBC(key[:16]))
