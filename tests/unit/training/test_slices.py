import numpy as np
import pytest

from training import slices
from training.metrics import AUC

rng = np.random.default_rng(5)
ROWS = 3_000
SCORE = rng.random(ROWS)
TRUTH = (rng.random(ROWS) < SCORE).astype(float)
BAND = np.array(["young", "old"], dtype=object)[rng.integers(0, 2, ROWS)]
COLUMNS = {
    "tenure_days": rng.uniform(0, 800, ROWS),
    "net_spend_365d": rng.gamma(1, 100, ROWS),
    "country": np.array(["GB"] * ROWS, dtype=object),
    "age_band": BAND,
}


def sliced(part, truth=TRUTH, score=SCORE):
    return slices.slices(part, AUC, truth, score, customers=np.arange(ROWS), seed=7)


def test_parts_are_tenure_tier_and_what_was_declared():
    assert set(slices.parts(COLUMNS, ["age_band"])) == {"tenure", "value tier", "age_band"}


def test_the_top_tier_is_the_twentieth_with_the_highest_spend():
    tiers = slices.parts(COLUMNS, [])["value tier"]
    assert (tiers == "top value").mean() == pytest.approx(0.05, abs=0.005)


def test_a_fair_score_has_narrow_gaps():
    gaps = slices.unequal(sliced(BAND))
    assert max(gaps.error, gaps.flagged, gaps.missed) < 0.08


def test_a_score_that_is_too_high_for_one_part_has_a_wide_gap():
    unfair = np.where(BAND == "old", SCORE / 2, SCORE)
    found = sliced(BAND, score=unfair)
    gaps = slices.unequal(found)
    assert min(gaps.error, gaps.flagged, gaps.missed) > 0.2
    assert [one.error.high < 0 for one in sorted(found, key=lambda one: one.name)] == [True, False]


def test_a_small_part_is_left_out_and_one_without_both_outcomes_has_no_metric():
    part = np.array(["large"] * (ROWS - 20) + ["small"] * 20, dtype=object)
    assert [one.name for one in sliced(part)] == ["large"]
    assert sliced(part, truth=np.zeros(ROWS))[0].metric is None


def test_rare_names_are_put_together():
    column = np.array([f"place-{at % 30}" for at in range(900)], dtype=object)
    assert len(set(slices.named(column))) == slices.MOST_VALUES + 1
