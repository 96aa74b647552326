import numpy as np
import pyarrow as pa
import pytest

from retain.errors import InvalidInput
from training import oracle

DAY = 86_400_000_000
NOW = 1_000 * DAY


def truth(**columns):
    rows = {
        "customer_id": ["a", "b", "c"],
        "churned_at": pa.array([None, NOW - DAY, NOW + 10 * DAY], pa.timestamp("us", "UTC")),
        "orders_per_year": [365.0 / 30] * 3,
        "gap_shape": [1, 1, 1],
        "spend_per_order": [20.0] * 3,
    }
    return pa.table({**rows, **columns})


def asked(*customers, recency=5.0, **columns):
    rows = len(customers)
    return oracle.ask(
        truth(**columns),
        np.array(customers, dtype=object),
        np.full(rows, NOW),
        np.full(rows, recency),
        90,
    )


def test_of_orders_without_memory_silence_depends_on_the_horizon_alone():
    assert asked("a").leaves[0] == pytest.approx(np.exp(-3))
    assert asked("a", recency=200.0).leaves[0] == pytest.approx(np.exp(-3))


def test_who_has_left_orders_nothing():
    found = asked("b")
    assert found.leaves[0] == 1
    assert found.value[0] == 0


def test_who_leaves_within_the_horizon_has_only_the_days_before():
    found = asked("c")
    assert found.leaves[0] == pytest.approx(np.exp(-1 / 3))
    assert found.value[0] == pytest.approx(20 / 3)


def test_a_steady_customer_is_the_likelier_to_order_the_longer_ago_the_last_order_is():
    early, late = (asked("a", recency=days, gap_shape=[9, 9, 9]).leaves[0] for days in (1.0, 40.0))
    assert late < early


def test_whoever_is_unknown_has_no_answer():
    found = asked("stranger")
    assert not found.known[0]
    assert np.isnan(found.leaves[0])


def test_a_table_that_is_no_truth_is_refused():
    with pytest.raises(InvalidInput, match="spend_per_order"):
        oracle.check(truth().drop_columns(["spend_per_order"]))
