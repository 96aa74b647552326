"""Receipts as they are stored: read from whichever form, whole or one field of them."""

import json
import zlib
from binascii import a2b_base64, b2a_base64
from typing import Any

import msgspec

from retain.decisions import receipt_form
from retain.decisions.receipt_form import COMPACT

_PACKED = "z1:"
_LEVEL = 3
_DECODER = json.JSONDecoder()
_ENCODE = msgspec.json.Encoder().encode


def pack(receipt: dict[str, Any]) -> str:
    """A text to store: a marker, then deflated JSON in base 64."""
    packed = b2a_base64(zlib.compress(_ENCODE(receipt), _LEVEL), newline=False)
    return _PACKED + packed.decode("ascii")


def unpack(text: str) -> dict[str, Any]:
    """The receipt in what :func:`pack` made, or :mod:`~retain.decisions.receipt_form`.

    Plain JSON, as once stored, is read as well.
    """
    if text.startswith(COMPACT):
        return receipt_form.read(text)
    receipt: dict[str, Any] = json.loads(_unpacked(text))
    return receipt


def unpack_field(text: str, name: str) -> Any:
    """One field of a stored receipt, without reading the others; None where it has none."""
    if text.startswith(COMPACT):
        own = receipt_form.read_own(text)
        return getattr(own, name) if name in _AS_THEY_ARE else unpack(text).get(name)
    content, marker = _unpacked(text), f'"{name}":'
    # no text within the receipt holds the marker: its quotes would be escaped
    start = content.find(marker)
    return None if start < 0 else _DECODER.raw_decode(content, start + len(marker))[0]


_AS_THEY_ARE = frozenset({"experiments", "decision_id", "customer_id", "as_of", "context"})
"""Fields that a compact receipt's own part has as they are."""


def _unpacked(text: str) -> str:
    if not text.startswith(_PACKED):
        return text
    return zlib.decompress(a2b_base64(text[len(_PACKED) :])).decode()
