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

COMPACT = (
    "c1:c-oDR(F(#a3`PGX&tY^75&A2oNNj@^TqbP>itOLbtiJmY4kWqvCLsinMHui0t!vYr{4fM)N|LE&i0Focm"
    "BVpx(IzvMn=SH}e+qYHqWg)GmPKs%f^=Q0fbaBlhRvEnGh6Rcne)?ZGb`7*NNHLUcuV6AgSpuUX%RKQ1~}od"
    "AJ^@Dziq_HeWFL)buqpHPu@-X."
    "AQABAAAA4nwAAAAAAAAAAAAAAAAAAFlAAAAAAAAA8D8AAAAAAAAAAJqZmZmZmbk/AAAAAAAAAACamZmZmZnJ"
    "PwAAAAAAAAAAAAAAAAAAFEA=."
    '[[{"experiment":"coupons","arm":"large","layer":"offers","share":0.5}],"01","b","202'
    '6-11-21T12:00:00Z",1500000,[],{},[],"2026-11-21T12:00:00Z","2026-11-22T12:00:00Z",[n'
    "ull,[],false,[0,1,1,1],[]],null]"
)
"""As it was stored when the form was new: it is read for ever."""


@pytest.mark.parametrize("stored", [pack(RECEIPT), json.dumps(RECEIPT, separators=(",", ":"))])
def test_a_field_is_read_without_the_rest(stored: str) -> None:
    assert unpack_field(stored, "experiments") == RECEIPT["experiments"]
    assert unpack_field(stored, "nothing_such") is None
    assert unpack(stored) == RECEIPT


def test_a_compact_receipt_that_was_stored_is_still_read():
    receipt = unpack(COMPACT)
    assert unpack_field(COMPACT, "experiments") == receipt["experiments"]
    assert receipt["experiment"] == {"experiment": "coupons", "arm": "large", "layer": "offers"}
    assert (receipt["decision_id"], receipt["customer_id"]) == ("01", "b")
    assert (receipt["as_of"], receipt["features_as_of"], receipt["features_age_seconds"]) == (
        "2026-11-21T12:00:00Z",
        "2026-11-21T11:59:58.500000Z",
        1.5,
    )
    assert receipt["caps"]["caps"] == [
        {"of": "contacts", "made": 1, "limit": 3, "days": 7.0},
        {"of": "action:mail", "made": 1, "limit": 1, "days": 30.0},
    ]
    assert receipt["policy"] == {"name": "greedy", "deterministic": True, "basis": "prior"}
    chosen, other = receipt["candidates"]
    assert (chosen["action_id"], chosen["propensity"], chosen["removed_by"]) == ("none", 1.0, None)
    assert (other["removed_by"], other["propensity"]) == ("cap_action", 0.0)
    assert other["terms"] == {
        "basis": "prior",
        "conversion": 0.2,
        "uplift": 0.1,
        "value": 100.0,
        "margin": 0.5,
        "contact_cost": 0.0,
        "redemption_cost": 0.0,
        "context_weight": 1.0,
        "channel_weight": 1.0,
        "lever": 1.0,
        "expected_value": 5.0,
    }
