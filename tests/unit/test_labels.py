from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain import labels

AS_OF = datetime(2011, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
TIME = pa.timestamp("us", "UTC")


def keys(*moments, customer="ana"):
    return pa.table({"customer_id": [customer] * len(moments), "as_of": pa.array(moments, TIME)})


def orders(*rows):
    """Rows of (ts, value); a negative value is a refund."""
    return pa.table(
        {
            "customer_id": pa.array(["ana"] * len(rows), pa.string()),
            "ts": pa.array([ts for ts, _ in rows], TIME),
            "is_order": pa.array([value > 0 for _, value in rows], pa.bool_()),
            "value": pa.array([float(value) for _, value in rows], pa.float64()),
        }
    )


def outcome(*rows, horizon_days=90):
    return labels.outcomes(keys(AS_OF), orders(*rows), horizon_days).to_pylist()[0]


def test_a_customer_without_an_order_has_churned_and_is_worth_nothing():
    found = outcome()
    assert found["churned"] is True
    assert found["days_to_order"] is None
    assert found["net_revenue"] == 0.0


def test_an_order_at_the_moment_itself_is_a_feature_and_no_label():
    assert outcome((AS_OF, 10))["churned"] is True


def test_an_order_just_after_the_moment_is_a_label():
    assert outcome((AS_OF + MICROSECOND, 10))["churned"] is False


def test_the_last_moment_of_the_horizon_belongs_to_it():
    assert outcome((AS_OF + 90 * DAY, 10))["churned"] is False
    assert outcome((AS_OF + 90 * DAY + MICROSECOND, 10))["churned"] is True


def test_a_refund_lowers_net_revenue():
    assert outcome((AS_OF + DAY, 30), (AS_OF + 2 * DAY, -10))["net_revenue"] == 20.0


def test_a_refund_alone_is_no_order():
    found = outcome((AS_OF + DAY, -10))
    assert found["churned"] is True
    assert found["net_revenue"] == -10.0


def test_the_next_order_is_counted_in_days():
    assert outcome((AS_OF + 1.5 * DAY, 10), (AS_OF + 9 * DAY, 5))["days_to_order"] == 1.5


def test_the_order_of_the_keys_is_kept():
    moments = [AS_OF, AS_OF - 60 * DAY, AS_OF - 30 * DAY]
    found = labels.outcomes(keys(*moments), orders(), 90)
    assert found.column("as_of").to_pylist() == moments


def test_a_response_is_an_order_within_two_weeks_of_the_assignment():
    assigned = keys(AS_OF, AS_OF + 10 * DAY).append_column("action_id", pa.array(["a", "b"]))
    found = labels.responses(assigned, orders((AS_OF + 12 * DAY, 10), (AS_OF + 25 * DAY, 10)))
    assert found.column("responded").to_pylist() == [True, True]
    late = labels.responses(assigned, orders((AS_OF + 25 * DAY, 10)))
    assert late.column("responded").to_pylist() == [False, False]
    assert late.column("action_id").to_pylist() == ["a", "b"]


offsets = st.integers(min_value=-200 * 86_400, max_value=200 * 86_400)
values = st.sampled_from([-5.0, 1.0, 20.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(offsets, values), max_size=12), st.sampled_from([7, 30, 90]))
def test_labels_are_what_a_plain_loop_says(moves, horizon):
    rows = [(AS_OF + timedelta(seconds=offset), value) for offset, value in moves]
    found = outcome(*rows, horizon_days=horizon)
    inside = [(ts, value) for ts, value in rows if AS_OF < ts <= AS_OF + horizon * DAY]
    bought = [ts for ts, value in inside if value > 0]
    assert found["churned"] is (not bought)
    assert found["net_revenue"] == pytest.approx(sum(value for _, value in inside))
    if bought:
        assert found["days_to_order"] == pytest.approx((min(bought) - AS_OF) / DAY)
    else:
        assert found["days_to_order"] is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(offsets, values), max_size=12))
def test_nothing_at_or_before_the_moment_changes_a_label(moves):
    rows = [(AS_OF + timedelta(seconds=offset), value) for offset, value in moves]
    assert outcome(*rows) == outcome(*(row for row in rows if row[0] > AS_OF))
