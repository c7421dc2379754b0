"""A small PNG that stands for QR codes and mini-program codes."""

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(text: str, side: int = 29, scale: int = 8) -> bytes:
    """A pattern that differs by text; nobody can scan it."""
    bits = zlib.crc32(text.encode())
    rows = bytearray()
    for y in range(side * scale):
        rows.append(0)
        for x in range(side * scale):
            cx, cy = x // scale, y // scale
            corner = min(cx, side - 1 - cx) < 7 and min(cy, side - 1 - cy) < 7
            dark = (cx * 7 + cy * 13 + (bits >> ((cx * cy) % 31))) & 1 if not corner else (cx + cy) % 3 != 0
            rows.append(0 if dark else 255)
    header = struct.pack(">IIBBBBB", side * scale, side * scale, 8, 0, 0, 0, 0)
    image = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(bytes(rows)))
    return b"\x89PNG\r\n\x1a\n" + image + _chunk(b"IEND", b"")
