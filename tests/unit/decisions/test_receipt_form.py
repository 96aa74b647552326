"""Receipts of previews in their compact form: what is read is what was decided, to the last bit."""

import json
from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.clock import iso
from retain.decisions import receipt_writer
from retain.decisions.channels import ChannelPreference
from retain.decisions.exploration import Exploration
from retain.decisions.previews import Preview
from retain.decisions.ranking import Ranker
from retain.decisions.receipt import Evidence, write_receipt
from retain.decisions.receipt_columns import MEASURED, MOST_TREATMENTS, cut, paste
from retain.decisions.receipt_text import pack, unpack, unpack_field
from retain.decisions.receipt_writer import Shown, Writer
from retain.decisions.state import Contact, ContactState, Spent
from retain.decisions.worths import Worths
from tests.catalogues import NOW, action, catalogue, customers
from tests.rankings import CATALOGUES, Campaigns, anybody, moments

RANKERS = {
    name: Ranker(one, Campaigns(), preference=ChannelPreference({"email": 0.3}))
    for name, one in {
        **CATALOGUES,
        "limited": catalogue(
            action("mail", cap={"limit": 1, "days": 30}, tags=["discount"]),
            action("other", channel="sms", budget={"amount": 10.5, "per": "day"}),
            contact_cap=[],
            channel_caps={"email": {"limit": 2, "days": 3}},
            tag_caps={"discount": [{"limit": 2, "days": 90}, {"limit": 1, "days": 1.5}]},
            reachable_by_default=["email", "sms"],
            ranking={"terms": {"margin": False, "uplift": False}},
        ),
    }.items()
}
MODELS = {"churn": "churn:ab", "ltv": "ltv:cd"}
ARMS = ({"experiment": "coupons", "arm": 'large "é"', "layer": "offers", "share": 0.5},)

contacts = st.lists(
    st.tuples(
        st.integers(0, 60 * 24).map(lambda hours: NOW - timedelta(hours=hours)),
        st.sampled_from(["email", "push", None]),
        st.sampled_from(["mail", "model", "replenishment_email", "gone", None]),
    ).map(lambda told: Contact(*told)),
    max_size=4,
)
states = st.builds(
    ContactState,
    contacts=contacts.map(tuple),
    goals=st.just({}),
    exhausted=st.just(frozenset()),
    suppressed=st.sampled_from([frozenset(), frozenset({"sms", "email"})]),
    spent=st.sampled_from([{}, {f"action/other/day/{NOW:%Y-%m-%d}": Spent(7_250_000, 3)}]),
)
evidences = st.builds(
    Evidence,
    models=st.just(MODELS),
    features_as_of=st.sampled_from([None, NOW, NOW - timedelta(days=1, microseconds=7)]),
    stale_views=st.sampled_from([(), ("orders", "profile")]),
    experiments=st.sampled_from([(), ARMS]),
)


def in_full(preview: Preview) -> dict:
    """The receipt as it would be stored as JSON."""
    receipt = write_receipt(
        preview.decision_id, preview.ranking, preview.row, preview.state, preview.evidence,
        limit=1, reserved=False,
    )  # fmt: skip
    return unpack(pack(receipt))


@pytest.mark.parametrize("declared", sorted(RANKERS))
@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(anybody, min_size=1, max_size=3),
    context=moments,
    state=states,
    evidence=evidences,
    seed=st.sampled_from(["01", "seed"]),
)
def test_a_compact_receipt_reads_as_the_one_in_full(  # noqa: PLR0917
    declared, rows, context, state, evidence, seed
):
    ids = [f"c{number}" for number in range(len(rows))]
    ranking = RANKERS[declared].rank(customers(*rows), ids, now=NOW, context=context)
    writer = Writer()
    for row in range(len(rows)):
        preview = Preview(seed, ranking, row, state, evidence)
        written = preview.written(writer)
        expected = in_full(preview)
        assert written.text.startswith("c1:")
        assert json.dumps(unpack(written.text)) == json.dumps(expected)
        removed = [one["removed_by"] for one in expected["candidates"] if one["removed_by"]]
        assert Counter(written.removed_by) == Counter(removed)
        assert written.action_id == expected["actions"][0]["action_id"]
        for name in ("experiments", "customer_id", "kind", "candidates"):
            assert unpack_field(written.text, name) == expected[name]
        assert unpack_field(written.text, "nothing_such") is None


def test_the_catalogues_tried_allow_explore_and_forbid():
    rows = customers({"stage": "use", "ltv_value": 80.0}, {"stage": "lapsing"})
    contact = Contact(NOW - timedelta(hours=1), "email", "mail")
    state = ContactState((contact,), frozenset({"push"}))
    kinds = set()
    for ranker in RANKERS.values():
        ranking = ranker.rank(rows, ["a", "b"], now=NOW)
        for row in range(2):
            receipt = Preview("d", ranking, row, state, Evidence()).receipt()
            kinds |= {one["removed_by"] for one in receipt["candidates"]}
            kinds |= {"spread" for one in receipt["candidates"] if "spread" in one}
    assert {None, "spread", "suppressed", "not_reachable"} <= kinds
    assert any(str(kind).startswith("cap_") for kind in kinds)


numbers = st.floats() | st.sampled_from([0.0, -0.0, 1.0, 5e-324, float("nan"), float("-inf")])


@settings(max_examples=100)
@given(st.data())
def test_every_number_comes_back_to_the_last_bit_and_what_is_none_as_none(data):
    shape = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5))
    count = shape[0] * shape[1]
    columns = {
        name: np.array(data.draw(st.lists(numbers, min_size=count, max_size=count))).reshape(shape)
        for name in MEASURED
    }
    whole = st.integers(0, MOST_TREATMENTS - 1)
    treatment, basis = (
        np.array(data.draw(st.lists(each, min_size=count, max_size=count))).reshape(shape)
        for each in (whole, st.integers(0, 2))
    )
    found = [
        paste(each, shape[1]) for each in cut(Worths(treatment=treatment, basis=basis, **columns))
    ]
    for row, each in enumerate(found):
        assert each.treatments == treatment[row].tolist()
        assert each.bases == basis[row].tolist()
        for name, told in zip(MEASURED, each.measured, strict=True):
            for number, one in zip(columns[name][row].tolist(), told, strict=True):
                if np.isfinite(number):
                    assert one is not None
                    assert number.hex() == one.hex()
                else:
                    assert one is None


def test_what_was_answered_elsewhere_is_told_as_it_was_answered():
    ranking = RANKERS["default"].rank(customers({}, {}), ["a", "b"], now=NOW)
    shown = Shown(["p1", "p2"], iso(NOW), iso(NOW + timedelta(hours=2)))
    carried = Preview("d", ranking, 0, ContactState(), Evidence(), shown=shown)
    [best] = carried.receipt()["actions"]
    assert {name: best[name] for name in Shown._fields} == shown._asdict()
    assert carried.next_best_action()["items"] == ["p1", "p2"]
    assert "terms" not in carried.next_best_action()


def test_a_text_is_read_also_when_other_rules_were_met_since():
    ranker = Ranker(catalogue(action("mail"), action("web", channel="web")))
    ranking = ranker.rank(customers({}, {"reachable_channels": ["email"]}), ["a", "b"], now=NOW)
    previews = [
        Preview("d", ranking, 0, ContactState(), Evidence()),
        Preview("d", ranking, 1, ContactState(suppressed=frozenset({"email"})), Evidence()),
    ]
    writer = Writer()
    written = [preview.written(writer) for preview in previews]
    assert set(written[1].removed_by) - set(written[0].removed_by) == {"suppressed"}
    for text, preview in zip(written, previews, strict=True):
        assert unpack(text.text) == in_full(preview)


def test_a_receipt_of_one_rule_too_many_is_stored_in_full_whenever_it_is_asked_for(monkeypatch):
    ranker = Ranker(catalogue(action("mail"), action("web", channel="web")))
    ranking = ranker.rank(customers({}, {"reachable_channels": ["email"]}), ["a", "b"], now=NOW)
    few = Preview("d", ranking, 0, ContactState(), Evidence())
    more = Preview("d", ranking, 1, ContactState(suppressed=frozenset({"email"})), Evidence())
    writer = Writer()
    known = set(few.written(writer).removed_by)
    monkeypatch.setattr(receipt_writer, "MOST_RULES", len(known))
    for _ in range(3):
        for preview, begins in ((more, "z1:"), (few, "c1:")):
            text = preview.written(writer).text
            assert text.startswith(begins)
            assert unpack(text) == in_full(preview)


def test_what_does_not_go_into_the_form_is_stored_in_full():
    arms = [{"name": f"t{number}"} for number in range(MOST_TREATMENTS + 1)]
    many = Ranker(catalogue(action("mail", treatments=arms), reachable_by_default=["email"]))
    exploring = Exploration(method="epsilon_greedy")
    rankings = [
        many.rank(customers({}, {}), ["a", "b"], now=NOW),
        RANKERS["default"].rank(customers({}, {}), ["a", "b"], now=NOW, exploration=exploring),
    ]
    shown = Shown(["p"], iso(NOW), iso(NOW))
    for ranking in rankings:
        preview = Preview("d", ranking, 1, ContactState(), Evidence())
        assert preview.written(Writer()).text == pack(preview.receipt())
        assert preview.receipt() == in_full(preview)
        elsewhere = Preview("d", ranking, 1, ContactState(), Evidence(), shown=shown)
        assert elsewhere.receipt()["actions"][0]["items"] == ["p"]
