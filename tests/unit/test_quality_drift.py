import math
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.errors import InvalidInput, NotEnoughData
from retain.event import to_table
from retain.features.engine import FEATURE_SCHEMA, FeatureEngine
from retain.quality import drift, features, thresholds
from retain.quality.profile import profile_of_columns
from retain.settings import PROJECT_CONFIG
from tests.event_tables import AS_OF, steady

LIMITS = thresholds.load(PROJECT_CONFIG).features
COUNTS = st.lists(st.integers(0, 1_000), min_size=2, max_size=12)


def profiled(like=None, **columns):
    return profile_of_columns({name: np.asarray(v) for name, v in columns.items()}, like)


def drawn(seed, rows):
    return np.random.default_rng(seed).lognormal(3, 1, rows)


def graded(training, current):
    return [
        (f.severity, f.check, f.subject)
        for f in features.findings(training, current, LIMITS).findings
    ]


def test_psi_is_what_its_formula_says():
    """Two bins, 60:40 against 40:60, so many that smoothing does not show."""
    before, now = np.array([6e6, 4e6]), np.array([4e6, 6e6])
    assert drift.psi(before, now) == pytest.approx(0.4 * math.log(1.5), abs=1e-5)


@given(COUNTS)
def test_what_did_not_move_has_no_psi(counts):
    bins = np.array([*counts, 1.0])
    assert drift.psi(bins, bins) == 0


@given(COUNTS, st.randoms())
def test_psi_is_never_negative_and_knows_no_direction(counts, random):
    before = np.array([*counts, 1.0])
    now = np.array(random.sample(list(before), len(before)))
    assert drift.psi(before, now) >= 0
    assert drift.psi(before, now) == pytest.approx(drift.psi(now, before))


def test_the_noise_level_is_the_quantile_of_chi_square():
    """χ² with 10 degrees of freedom has its 99.9 % quantile at 29.588."""
    assert drift.noise_level(11, 1_000, 1_000, 0.001) == pytest.approx(29.588 * 0.002, rel=0.01)


@pytest.mark.parametrize("rows", [20, 100, 250, 1_000])
def test_another_sample_of_the_same_customers_does_not_alarm(rows):
    for seed in range(30):
        training = profiled(average_order_value=drawn(seed, rows))
        current = profiled(training, average_order_value=drawn(1_000 + seed, rows))
        assert graded(training, current) == []


def test_a_doubled_feature_is_found_and_named():
    training = profiled(average_order_value=drawn(1, 1_000), orders_30d=drawn(2, 1_000))
    current = profiled(
        training, average_order_value=2 * drawn(3, 1_000), orders_30d=drawn(4, 1_000)
    )
    assert graded(training, current) == [("fail", "drift", "average_order_value")]


def test_the_sentence_names_the_bin_that_moved_most():
    training = profiled(country=np.array(["GB"] * 900 + ["IE"] * 100, dtype=object))
    current = profiled(training, country=np.array(["GB"] * 500 + ["IE"] * 500, dtype=object))
    (finding,) = features.findings(training, current, LIMITS).findings
    assert "IE holds 50% of customers, 10% at training" in finding.sentence


def test_an_unseen_category_is_drift():
    training = profiled(country=np.array(["GB"] * 1_000, dtype=object))
    current = profiled(training, country=np.array(["GB"] * 700 + ["FR"] * 300, dtype=object))
    assert graded(training, current) == [("fail", "drift", "country")]


def test_a_feature_that_went_missing_is_named_twice():
    values = drawn(1, 1_000)
    training = profiled(average_order_value=values)
    current = profiled(
        training, average_order_value=np.where(np.arange(1_000) < 600, np.nan, values)
    )
    assert graded(training, current) == [
        ("fail", "drift", "average_order_value"),
        ("fail", "null_rate", "average_order_value"),
    ]


def test_few_customers_are_not_judged():
    training = profiled(average_order_value=drawn(1, 1_000))
    assert graded(training, profiled(training, average_order_value=9 * drawn(2, 150))) == []


def test_an_age_warns_and_does_not_fail():
    training = profiled(tenure_days=drawn(1, 1_000))
    current = profiled(training, tenure_days=90 + drawn(2, 1_000))
    assert graded(training, current) == [("warn", "drift", "tenure_days")]


def test_what_moved_as_far_between_the_training_cutoffs_is_no_drift():
    training = profiled(orders_30d=drawn(1, 1_000))
    current = profiled(training, orders_30d=2 * drawn(2, 1_000))
    (shift,) = drift.shifts(training, current)
    seen = training.model_copy(update={"usual_psi": {"orders_30d": shift.psi}})
    assert graded(training, current) == [("fail", "drift", "orders_30d")]
    assert graded(seen, current) == []


def test_profiles_in_different_bins_are_refused():
    training, current = profiled(orders_30d=drawn(1, 50)), profiled(orders_30d=drawn(2, 50))
    with pytest.raises(InvalidInput, match="orders_30d"):
        drift.shifts(training, current)


def test_a_share_above_one_is_impossible():
    current = profiled(message_open_rate=np.array([0.2, 1.5]), net_spend_30d=np.array([-4.0, 2.0]))
    assert [(f.check, f.subject) for f in features.ranges(current)] == [
        ("range", "message_open_rate")
    ]


def test_every_feature_has_its_numbers_in_the_metrics():
    training = profiled(orders_30d=drawn(1, 500))
    metrics = features.findings(training, training, LIMITS).metrics()
    named = {m.name for m in metrics if m.labels == {"feature": "orders_30d"}}
    assert {"retain_feature_null_rate", "retain_feature_psi", "retain_feature_maximum"} <= named


def test_the_snapshot_keeps_how_far_features_moved_between_the_cutoffs():
    events = to_table(steady(days=60))
    with FeatureEngine(events) as engine:
        earlier = engine.table(engine.customers(AS_OF - timedelta(days=45)))
        last = engine.table(engine.customers(AS_OF))
    kept = features.snapshot(pa.concat_tables([last, earlier]))
    assert kept.rows == last.num_rows
    assert kept.usual_psi["tenure_days"] > 1
    assert kept.usual_null_rates["order_recency_days"] == 1.0


def test_nobody_makes_no_snapshot():
    with pytest.raises(NotEnoughData):
        features.snapshot(FEATURE_SCHEMA.empty_table())
