from datetime import UTC, datetime

import pytest

from retain.manifest import Measured
from training.comparisons import Beside, Standing
from training.rolling_cutoffs import RollingCutoff
from training.verdict import judge


def at(value, spread=0.01):
    return Measured(value=value, low=value - spread, high=value + spread)


def stands(ours, blend, p_value, sign=1.0):
    beside = Beside(at(blend), at(sign * (ours - blend), 0.001), p_value)
    return Standing(at(ours), {"blend": beside, "bgnbd": beside})


def cutoff(month, counted=True):
    return RollingCutoff(datetime(2011, month, 9, tzinfo=UTC), 90, counted)


def standings(auc=0.80, brier=0.15, p_value=0.5, bias=0.1):
    return {
        "churn_auc": stands(auc, 0.79, p_value),
        "churn_brier": stands(brier, 0.16, p_value, -1.0),
        "churn_ece": stands(0.03, 0.04, p_value, -1.0),
        "purchase_auc_30d": stands(auc, 0.79, p_value),
        "ltv_gini": stands(0.75, 0.76, p_value),
        "revenue_bias": stands(bias, 0.5, p_value),
        "buyers_bias": stands(-bias, 0.3, p_value),
    }


def bars(*given):
    found = judge([(cutoff(month), one) for month, one in enumerate(given, start=1)])
    return {bar.name: bar for bar in found.bars}


def test_three_of_four_at_or_above_is_enough_and_all_bars_are_met():
    found = bars(standings(), standings())
    assert all(bar.met for bar in found.values())
    assert "3 of 4" in found["mean_at_or_above_the_blend"].sentence


def test_a_lower_brier_score_counts_as_above():
    found = bars(standings(auc=0.78, brier=0.17))
    assert not found["mean_at_or_above_the_blend"].met
    assert "0 of 4" in found["mean_at_or_above_the_blend"].sentence


def test_being_significantly_worse_is_said_plainly_with_metric_and_cutoff():
    bar = bars(standings(auc=0.70, p_value=1e-9))["not_worse_than_the_blend"]
    assert not bar.met
    assert "churn AUC at 2011-01-09, 90 d" in bar.sentence


def test_one_small_p_value_among_many_comparisons_is_no_proof():
    lost = standings() | {"churn_auc": stands(0.78, 0.79, 0.02)}
    assert bars(lost, standings(), standings())["not_worse_than_the_blend"].met


def test_biases_of_opposite_sign_do_not_cancel():
    found = bars(standings(bias=0.4), standings(bias=-0.4))
    assert not found["revenue_level"].met
    assert "40.0%" in found["revenue_level"].sentence


def test_what_is_reported_only_does_not_count():
    found = judge([(cutoff(1, counted=False), standings(bias=2.0)), (cutoff(2), standings())])
    assert found.cutoffs == 1
    assert found.means["revenue_bias"]["retain"] == pytest.approx(0.1)


def test_where_none_counts_all_are_judged():
    assert judge([(cutoff(1, counted=False), standings())]).cutoffs == 1
