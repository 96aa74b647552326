from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain import labels, standing

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


def outcome(*rows, horizon_days=90, rate=0.0):
    return labels.outcomes(keys(AS_OF), orders(*rows), horizon_days, rate).to_pylist()[0]


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


def test_net_revenue_is_discounted_by_the_day_of_receipt():
    rows = (AS_OF + 73 * DAY, 10), (AS_OF + 365 * DAY, 20), (AS_OF + 365 * DAY, -5)
    found = outcome(*rows, horizon_days=365, rate=0.1)
    assert found["net_revenue"] == pytest.approx(10 / 1.1**0.2 + 15 / 1.1, rel=1e-12)


def test_without_a_discount_rate_net_revenue_is_the_exact_sum():
    rows = (AS_OF + 7.3 * DAY, 0.1), (AS_OF + 40 * DAY, 0.2)
    assert outcome(*rows)["net_revenue"] == 0.1 + 0.2


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


def activity(*moments):
    ids = pa.array(["ana"] * len(moments), pa.string())
    return pa.table({"customer_id": ids, "ts": pa.array(list(moments), TIME)})


def subscriptions(*rows):
    """Rows of (ts, is_active, term_end)."""
    return pa.table(
        {
            "customer_id": pa.array(["ana"] * len(rows), pa.string()),
            "ts": pa.array([ts for ts, _, _ in rows], TIME),
            "event_id": pa.array([f"e{n}" for n in range(len(rows))], pa.string()),
            "is_active": pa.array([active for _, active, _ in rows], pa.bool_()),
            "term_end": pa.array([term for _, _, term in rows], TIME),
        }
    )


def lapsed(*rows, horizon_days=90, grace_days=7):
    found = labels.lapsed(keys(AS_OF), subscriptions(*rows), horizon_days, grace_days)
    return found.column("churned").to_pylist() == [True]


@settings(max_examples=50, deadline=None)
@given(st.lists(offsets, max_size=8), st.sampled_from([7, 30, 90]))
def test_who_did_nothing_within_the_horizon_is_inactive(seconds, horizon):
    moments = [AS_OF + timedelta(seconds=offset) for offset in seconds]
    found = labels.inactive(keys(AS_OF), activity(*moments), horizon).column("churned").to_pylist()
    assert found == [not any(AS_OF < ts <= AS_OF + horizon * DAY for ts in moments)]


def test_activity_at_the_moment_itself_is_a_feature_and_no_label():
    edges = {AS_OF: True, AS_OF + MICROSECOND: False, AS_OF + 90 * DAY: False,
             AS_OF + 90 * DAY + MICROSECOND: True}  # fmt: skip
    for ts, churned in edges.items():
        found = labels.inactive(keys(AS_OF), activity(ts), 90)
        assert found.column("churned").to_pylist() == [churned]


def test_a_subscription_renewed_within_the_horizon_stays():
    started = (AS_OF - 20 * DAY, True, AS_OF + 10 * DAY)
    assert lapsed(started)
    assert not lapsed(started, (AS_OF + 10 * DAY, True, AS_OF + 100 * DAY))


def test_a_term_that_goes_on_after_the_horizon_is_not_over():
    assert not lapsed((AS_OF - 20 * DAY, True, AS_OF + 345 * DAY))


def test_a_renewal_may_come_within_the_days_of_grace():
    ended_late = (AS_OF - 20 * DAY, True, AS_OF + 84 * DAY)
    assert not lapsed(ended_late)
    assert lapsed(ended_late, grace_days=5)


def test_a_cancellation_is_the_last_word_until_another_start():
    started = (AS_OF - 20 * DAY, True, AS_OF + 345 * DAY)
    cancelled = (AS_OF + 5 * DAY, False, AS_OF + 345 * DAY)
    assert lapsed(started, cancelled)
    assert not lapsed(started, cancelled, (AS_OF + 9 * DAY, True, None))


def test_what_comes_after_the_horizon_changes_no_subscription_label():
    started = (AS_OF - 20 * DAY, True, AS_OF + 345 * DAY)
    assert not lapsed(started, (AS_OF + 91 * DAY, False, None))


terms = st.one_of(st.none(), offsets.map(lambda offset: AS_OF + timedelta(seconds=offset)))
words = st.lists(
    st.tuples(offsets, st.booleans(), terms), max_size=6, unique_by=lambda word: word[0]
)


@settings(max_examples=100, deadline=None)
@given(words, st.sampled_from([7, 30, 90]), st.sampled_from([0, 7]))
def test_a_subscription_label_is_the_standing_at_the_end_of_the_window(told, horizon, grace):
    """One rule says who is in at the beginning and who is out at the end."""
    rows = [(AS_OF + timedelta(seconds=offset), active, term) for offset, active, term in told]
    end = AS_OF + horizon * DAY
    seen = sorted(row for row in rows if row[0] <= end)
    last = [term for _, _, term in seen if term is not None][-1:]
    columns = {
        "days_to_term_end": np.array([(last[0] - end) / DAY if last else np.nan]),
        "subscription_active": np.array([float(bool(seen) and seen[-1][1])]),
    }
    label = "subscription_not_renewed"
    runs = standing.is_known(label, columns) & ~standing.has_left(label, columns, grace)
    assert lapsed(*rows, horizon_days=horizon, grace_days=grace) == (not runs[0])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(offsets, values), max_size=20),
    st.lists(offsets, min_size=1, max_size=5, unique=True),
)
def test_labels_of_several_moments_at_once_are_those_of_each_alone(moves, moments):
    rows = orders(*((AS_OF + timedelta(seconds=offset), value) for offset, value in moves))
    at = [AS_OF + timedelta(seconds=offset) for offset in moments]
    alone = [labels.outcomes(keys(one), rows, 30) for one in at]
    assert labels.outcomes(keys(*at), rows, 30).equals(pa.concat_tables(alone))
