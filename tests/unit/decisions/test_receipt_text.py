"""Stored receipts: read whole, or one field of them."""

import json

import pytest

from retain.decisions.receipt_text import pack, unpack, unpack_field

RECEIPT = {
    "decision_id": "d",
    "note": 'a text with "experiments":[1] in it',
    "experiments": [{"experiment": "coupons", "arm": "large"}],
    "candidates": [{"terms": {"value": 1.5}}],
}


@pytest.mark.parametrize("stored", [pack(RECEIPT), json.dumps(RECEIPT, separators=(",", ":"))])
def test_a_field_is_read_without_the_rest(stored: str) -> None:
    assert unpack_field(stored, "experiments") == RECEIPT["experiments"]
    assert unpack_field(stored, "nothing_such") is None
    assert unpack(stored) == RECEIPT
