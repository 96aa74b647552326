"""Behaviour of the trained heads on a shop whose process is known."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from tests.tiny_shop import END, EngineSource, shop
from training import churn, cutoffs, dataset, ltv, next_purchase, response
from training.head import FittedHead

HORIZON_DAYS = 60


@pytest.fixture(scope="module")
def source():
    return EngineSource(shop(customers=900), END)


@pytest.fixture(scope="module")
def data(source):
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    return dataset.build(source, plan, END, HORIZON_DAYS, 7)


@pytest.fixture(scope="module")
def fitted(data):
    return {
        "churn": churn.train(data),
        "purchase": next_purchase.train(data),
        "ltv": ltv.train(data),
    }


def value(head: FittedHead, metric: str) -> float:
    return head.metrics[metric].value


@pytest.mark.parametrize("head", ["churn", "purchase", "ltv"])
def test_a_head_beats_its_dumb_rule(fitted, head):
    assert fitted[head].beats_baseline


def test_churn_is_far_above_chance_and_below_what_only_a_leak_could_reach(fitted):
    assert 0.7 < value(fitted["churn"], "auc") < 0.97


def test_probabilities_mean_what_they_say(fitted):
    assert value(fitted["churn"], "calibration_error") < 0.1
    assert value(fitted["purchase"], "calibration_error_30d") < 0.1


def test_ltv_intervals_cover_about_four_of_five(fitted):
    assert 0.7 < value(fitted["ltv"], "interval_coverage") < 0.92


@pytest.mark.parametrize("horizon_days", [7, 14, 120])
def test_any_horizon_is_judged_at_its_own_end(source, horizon_days):
    plan = cutoffs.plan(source.span()[0], END, horizon_days)
    found = next_purchase.train(dataset.build(source, plan, END, horizon_days, 7))
    decisive = [line.metric for line in found.judgements if line.decisive]
    assert decisive == [f"auc_{min(30, horizon_days)}d"]
    assert value(found, decisive[0]) > 0.6


def test_shuffled_labels_teach_nothing(data):
    """A head that finds signal in noise has a leak in its own machinery."""
    rng = np.random.default_rng(1)
    noise = replace(data, churned=rng.permutation(data.churned))
    found = churn.train(noise)
    assert value(found, "auc") == pytest.approx(0.5, abs=0.05)
    assert not found.beats_baseline


def test_a_feature_that_knows_the_future_would_be_noticed(data, fitted):
    """The ceiling above is only worth something if a planted leak breaks through it."""
    leak = data.churned + np.random.default_rng(2).normal(0, 0.2, len(data.churned))
    columns = {**data.columns, "sentiment_mean": leak}
    planted = churn.train(replace(data, columns=columns))
    assert value(planted, "auc") > 0.97


def test_the_response_head_finds_who_can_be_moved(source):
    head = response.train(response.read(source, END), 7)
    assert head.metrics["auc"].value > 0.5
    effects = head.parameters["mean_effect"]
    assert set(effects) == {"welcome_push", "win_back_email"}
    assert all(0.1 < effect < 0.4 for effect in effects.values())


def test_assignments_whose_answer_is_not_known_yet_are_left_out(source):
    early = END - timedelta(days=100)
    found = response.read(source, early)
    last = np.datetime64(int(found.moments.max()), "us")
    assert last <= np.datetime64((early - timedelta(days=14)).replace(tzinfo=None), "us")


def test_calibrators_come_from_customers_the_fit_did_not_see(data):
    half = data.half()
    assert not set(data.customers[half]) & set(data.customers[~half])
