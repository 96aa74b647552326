"""Early warnings: told at their thresholds, of the customer's own past, and of nobody unknown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain import signals
from retain.errors import InvalidInput
from retain.settings import PROJECT_CONFIG
from retain.signals import Signals

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
CONFIG = signals.load(PROJECT_CONFIG)
READ = sorted(
    {
        name
        for limits in (
            CONFIG.purchase_cycle_anomaly,
            CONFIG.activity_decline,
            CONFIG.complaints_rising,
            CONFIG.subscription_lapsing,
        )
        for name in limits.reads
    }
)
REGULAR = {
    "order_recency_days": 10.0,
    "order_gap_mean_days": 20.0,
    "order_gap_sd_days": 4.0,
    "orders_lifetime": 9.0,
    "active_days_30d": 8.0,
    "active_days_90d": 24.0,
    "visit_recency_days": 1.0,
    "service_contacts_30d": 0.0,
    "service_contacts_90d": 0.0,
    "subscription_active": 0.0,
}


def columns(*customers: dict[str, float]) -> dict[str, np.ndarray]:
    return {name: np.array([customer.get(name, np.nan) for customer in customers]) for name in READ}


def moments(rows: int) -> np.ndarray:
    return np.full(rows, np.datetime64(NOW.replace(tzinfo=None), "us"))


def found(config=CONFIG, **features: float) -> list[signals.Signal]:
    return Signals(config).find(columns({**REGULAR, **features}), moments(1))[0]


def test_nothing_is_told_of_a_customer_in_their_rhythm() -> None:
    assert found() == []


def test_nothing_is_told_of_a_customer_of_whom_nothing_is_known() -> None:
    assert Signals(CONFIG).find(columns({}), moments(1)) == [[]]


def test_silence_beyond_the_usual_gap_is_told_from_the_day_it_became_unusual() -> None:
    (signal,) = found(order_recency_days=46.0)
    assert signal.code == "purchase_cycle_anomaly"
    assert (signal.value, signal.usual, signal.unit) == (46.0, 20.0, "days")
    assert signal.since == NOW - timedelta(days=46 - 40)


@pytest.mark.parametrize(
    "features",
    [
        {"order_recency_days": 39.9},
        {"order_recency_days": 46.0, "order_gap_sd_days": 18.0},
        {"order_recency_days": 46.0, "orders_lifetime": 2.0},
        {"order_recency_days": 13.0, "order_gap_mean_days": 2.0},
    ],
    ids=["not yet", "irregular anyway", "too few orders", "too short for anybody"],
)
def test_a_gap_that_can_be_explained_is_not_told(features) -> None:
    assert found(**features) == []


def test_a_customer_with_one_gap_has_no_spread_and_is_told_by_the_gap_alone() -> None:
    signal = found(order_recency_days=40.0, order_gap_sd_days=np.nan)[0]
    assert signal.since == NOW


def test_fewer_active_days_than_before_are_told_with_the_usual_number() -> None:
    (signal,) = found(active_days_30d=1.0, active_days_90d=17.0)
    assert (signal.code, signal.value, signal.usual) == ("activity_decline", 1.0, 8.0)
    assert signal.since == NOW - timedelta(days=30)


def test_who_is_silent_for_longer_than_the_window_declined_when_last_seen() -> None:
    (signal,) = found(active_days_30d=0.0, active_days_90d=16.0, visit_recency_days=41.0)
    assert signal.since == NOW - timedelta(days=41)


@pytest.mark.parametrize(
    ("now", "in_90_days"), [(0.0, 5.0), (5.0, 21.0), (2.0, 10.0)], ids=["rare", "half", "chance"]
)
def test_a_small_or_rare_change_of_activity_is_not_told(now, in_90_days) -> None:
    assert found(active_days_30d=now, active_days_90d=in_90_days) == []


def test_rising_contacts_of_somebody_unhappy_are_told_since_the_first_of_them() -> None:
    (signal,) = found(
        service_contacts_30d=3.0,
        service_contacts_90d=4.0,
        contacts_since_days=12.5,
        sentiment_mean=-0.4,
    )
    assert (signal.code, signal.value, signal.usual) == ("complaints_rising", 3.0, 0.5)
    assert signal.since == NOW - timedelta(days=12.5)


@pytest.mark.parametrize(
    "features",
    [
        {"service_contacts_30d": 1.0, "service_contacts_90d": 1.0},
        {"service_contacts_30d": 3.0, "service_contacts_90d": 9.0},
        {"service_contacts_30d": 3.0, "service_contacts_90d": 3.0, "sentiment_mean": 0.5},
    ],
    ids=["one question", "as ever", "content"],
)
def test_contacts_that_are_no_rising_complaints_are_not_told(features) -> None:
    assert found(**features) == []


@pytest.mark.parametrize(
    ("features", "value", "days"),
    [
        ({"subscription_active": 1.0, "days_to_term_end": -5.0}, -5.0, 5.0),
        ({"days_to_term_end": 12.0, "subscription_changed_days": 2.0}, 12.0, 2.0),
        ({"subscription_changed_days": 2.0}, -2.0, 2.0),
    ],
    ids=["not renewed", "cancelled before its term", "cancelled without a term"],
)
def test_a_subscription_that_ends_is_told(features, value, days) -> None:
    (signal,) = found(**features)
    assert (signal.code, signal.value, signal.usual) == ("subscription_lapsing", value, 0.0)
    assert signal.since == NOW - timedelta(days=days)


@pytest.mark.parametrize(
    "features",
    [
        {"subscription_active": 1.0, "days_to_term_end": 20.0, "subscription_changed_days": 10.0},
        {"subscription_active": 1.0, "days_to_term_end": 0.5},
        {"subscription_active": 1.0, "days_to_term_end": -0.5},
        {"subscription_active": 1.0, "days_to_term_end": -200.0},
        {"subscription_changed_days": 200.0, "days_to_term_end": -180.0},
    ],
    ids=["runs", "ends today", "may be renewed late", "ended long ago", "cancelled long ago"],
)
def test_a_subscription_that_runs_or_is_long_gone_is_not_told(features) -> None:
    assert found(**features) == []


def test_where_nothing_renews_by_itself_the_coming_end_can_be_told_too() -> None:
    lapsing = CONFIG.subscription_lapsing.model_copy(update={"ends_within_days": 7.0})
    config = CONFIG.model_copy(update={"subscription_lapsing": lapsing})
    (signal,) = found(config, subscription_active=1.0, days_to_term_end=3.0)
    assert (signal.value, signal.since) == (3.0, NOW - timedelta(days=4))


def test_a_signal_that_is_not_enabled_is_not_told() -> None:
    off = CONFIG.purchase_cycle_anomaly.model_copy(update={"enabled": False})
    config = CONFIG.model_copy(update={"purchase_cycle_anomaly": off})
    assert found(config, order_recency_days=46.0) == []


def test_a_marketers_threshold_is_the_one_that_counts(tmp_path: Path) -> None:
    text = (PROJECT_CONFIG / "signals.yaml").read_text("utf-8")
    assert text.count("times_usual_gap: 2 ") == 1
    (tmp_path / "signals.yaml").write_text(
        text.replace("times_usual_gap: 2 ", "times_usual_gap: 3 "), "utf-8"
    )
    own = signals.load(tmp_path)
    assert found(own, order_recency_days=46.0) == []
    assert len(found(own, order_recency_days=60.0)) == 1


def test_a_folder_without_signals_has_those_that_are_shipped(tmp_path: Path) -> None:
    assert signals.load(tmp_path) == CONFIG


def test_a_threshold_that_makes_no_sense_is_refused_by_name(tmp_path: Path) -> None:
    text = (PROJECT_CONFIG / "signals.yaml").read_text("utf-8")
    (tmp_path / "signals.yaml").write_text(
        text.replace("share_of_usual: 0.5", "share_of_usual: 5"), "utf-8"
    )
    with pytest.raises(InvalidInput) as refused:
        signals.load(tmp_path)
    assert refused.value.field == "activity_decline.share_of_usual"


VALUES = st.one_of(
    st.floats(-1e4, 1e4), st.just(np.nan), st.integers(0, 30).map(float), st.floats(0, 100)
)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(READ, VALUES)), min_size=1, max_size=8))
def test_a_customer_has_the_same_signals_alone_and_in_any_batch(customers) -> None:
    together = Signals(CONFIG).find(columns(*customers), moments(len(customers)))
    for customer, signals_of_it in zip(customers, together, strict=True):
        assert Signals(CONFIG).find(columns(customer), moments(1)) == [signals_of_it]
        assert Signals(CONFIG).of_one(customer, NOW) == signals_of_it
        assert all(one.since <= NOW for one in signals_of_it)
        assert all(np.isfinite([one.value, one.usual]).all() for one in signals_of_it)


def test_a_signal_is_told_of_nobody_whose_features_for_it_are_stale() -> None:
    late = columns(*[{**REGULAR, "order_recency_days": 90.0}] * 3)
    told = Signals(CONFIG).find(
        late,
        moments(3),
        ["fresh", "old", "otherwise"],
        {"old": ["orders"], "otherwise": ["sessions"]},
    )
    assert [[one.code for one in each] for each in told] == [
        ["purchase_cycle_anomaly"],
        [],
        ["purchase_cycle_anomaly"],
    ]
