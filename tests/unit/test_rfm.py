"""RFM scores: quintiles, ties, and who gets none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain import rfm
from retain.errors import CorruptModel, NotEnoughData
from retain.rfm import RfmEdges


def columns(recency, orders, spend):
    return {
        "order_recency_days": np.array(recency, dtype=float),
        "orders_365d": np.array(orders, dtype=float),
        "net_spend_365d": np.array(spend, dtype=float),
    }


HUNDRED = columns(range(1, 101), range(1, 101), range(10, 1010, 10))


def test_a_fifth_of_the_customers_gets_each_score():
    r, f, m = rfm.score(HUNDRED, rfm.fit(HUNDRED))
    for scores in (r, f, m):
        assert np.unique(scores, return_counts=True)[1].tolist() == [20] * 5


def test_a_recent_order_scores_high():
    r, _, _ = rfm.score(HUNDRED, rfm.fit(HUNDRED))
    assert r[0] == 5
    assert r[-1] == 1


def test_customers_without_an_order_in_a_year_do_not_move_the_edges():
    with_old = columns(
        [*range(1, 101), 800, np.nan], [*range(1, 101), 0, 0], [*range(10, 1010, 10), 0, 0]
    )
    assert rfm.fit(with_old) == rfm.fit(HUNDRED)


def test_a_customer_who_never_ordered_has_no_scores_and_a_lapsed_one_has_the_lowest():
    scores = rfm.score(columns([np.nan, 800], [0, 0], [0, 0]), rfm.fit(HUNDRED))
    assert all(np.isnan(each[0]) and each[1] == 1 for each in scores)


def test_five_percent_reach_the_vip_spend():
    assert (HUNDRED["net_spend_365d"] >= rfm.fit(HUNDRED).vip_spend_365d).sum() == 5


def test_edges_survive_json():
    edges = rfm.fit(HUNDRED)
    assert RfmEdges.from_parameters(edges.model_dump(mode="json")) == edges


def test_what_is_not_edges_is_a_corrupt_model():
    with pytest.raises(CorruptModel):
        RfmEdges.from_parameters({"recency_days": [1]})


def test_nobody_with_a_recent_order_is_not_enough_data():
    with pytest.raises(NotEnoughData):
        rfm.fit(columns([400, np.nan], [0, 0], [0, 0]))


customers = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 6), st.integers(-20, 200)),
    min_size=1,
    max_size=40,
).filter(lambda rows: any(row[0] <= 365 for row in rows))


@given(customers)
def test_scores_are_whole_from_one_to_five_and_never_fall_with_a_better_value(rows):
    table = columns(*zip(*rows, strict=True))
    scores = rfm.score(table, rfm.fit(table))
    better = (-table["order_recency_days"], table["orders_365d"], table["net_spend_365d"])
    for values, given_scores in zip(better, scores, strict=True):
        assert set(given_scores) <= {1.0, 2.0, 3.0, 4.0, 5.0}
        order = np.argsort(values, kind="stable")
        assert (np.diff(given_scores[order]) >= 0).all()
        assert all(
            given_scores[i] == given_scores[j]
            for i in range(len(values))
            for j in range(len(values))
            if values[i] == values[j]
        )
