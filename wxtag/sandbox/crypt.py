"""Cipher and signatures of callbacks: one scheme, used by WeCom and WeChat alike."""

import base64
import binascii
import hashlib
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32


class Unreadable(Exception):
    """A ciphertext that does not open."""


def signature(*values: str) -> str:
    """SHA-1 over the sorted values: token, timestamp, nonce and, where there is one, the ciphertext."""
    return hashlib.sha1("".join(sorted(values)).encode()).hexdigest()


def aes_key(text: str) -> bytes:
    # The 43rd character may carry unused bits, hence the lenient decoder.
    return base64.b64decode(text + "=")


def encrypt(key_text: str, message: str, receiver: str, random16: bytes | None = None) -> str:
    key = aes_key(key_text)
    body = message.encode()
    full = (random16 or os.urandom(16)) + struct.pack(">I", len(body)) + body + receiver.encode()
    pad = BLOCK - len(full) % BLOCK
    full += bytes([pad]) * pad
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(full) + encryptor.finalize()).decode()


def decrypt(key_text: str, ciphertext: str) -> tuple[str, str]:
    """Gives the message and the receiver id behind it."""
    key = aes_key(key_text)
    try:
        raw = base64.b64decode(ciphertext, validate=True)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).decryptor()
        full = decryptor.update(raw) + decryptor.finalize()
    except (binascii.Error, ValueError) as problem:
        raise Unreadable(f"not a ciphertext: {problem}") from problem
    if not full or not 1 <= full[-1] <= BLOCK or full[-full[-1] :] != full[-1:] * full[-1]:
        raise Unreadable("padding is not PKCS#7 with block 32")
    full = full[: -full[-1]]
    if len(full) < 20:
        raise Unreadable("too short")
    (length,) = struct.unpack(">I", full[16:20])
    if 20 + length > len(full):
        raise Unreadable("length field is beyond the end")
    try:
        return full[20 : 20 + length].decode(), full[20 + length :].decode()
    except UnicodeDecodeError as problem:
        raise Unreadable("not UTF-8") from problem


def seal_data(session_key: str, content: str) -> tuple[str, str]:
    """What a mini-program's client seals (AES-128, normal padding): the iv and the cipher, in base64."""
    key, iv = base64.b64decode(session_key)[:16], os.urandom(16)
    full = content.encode()
    pad = 16 - len(full) % 16
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(full + bytes([pad]) * pad) + encryptor.finalize()
    return base64.b64encode(iv).decode(), base64.b64encode(sealed).decode()
