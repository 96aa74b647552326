"""Receipts as they are stored: JSON, packed to a sixth, unpacked to the same bytes."""

import json
import zlib
from binascii import a2b_base64, b2a_base64
from typing import Any

_PACKED = "z1:"
_LEVEL = 3


def pack(receipt: dict[str, Any]) -> str:
    """The text to store: a marker, then deflated JSON in base 64."""
    text = json.dumps(receipt, separators=(",", ":"), allow_nan=False)
    packed = b2a_base64(zlib.compress(text.encode(), _LEVEL), newline=False)
    return _PACKED + packed.decode("ascii")


def unpack(text: str) -> dict[str, Any]:
    """The receipt in what :func:`pack` made; plain JSON, as once stored, is read as well."""
    if text.startswith(_PACKED):
        text = zlib.decompress(a2b_base64(text[len(_PACKED) :])).decode()
    receipt: dict[str, Any] = json.loads(text)
    return receipt
