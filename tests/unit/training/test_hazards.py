import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import hazards

rng = np.random.default_rng(6)


@given(st.integers(1, 400))
def test_bins_rise_and_end_at_the_horizon(horizon):
    ends = hazards.bin_ends(horizon)
    assert ends[-1] == horizon
    assert (np.diff(ends) > 0).all()


def test_grouped_rows_keep_the_likelihood_of_person_periods():
    days = np.array([3.0, 20.0, np.nan, 70.0])
    ends = hazards.bin_ends(90)
    rows = hazards.grouped(np.arange(4.0)[:, None], days, ends)
    at_risk, ordered = hazards.periods(days, ends)
    assert rows.weight.sum() == at_risk.sum()
    assert (rows.weight * rows.target).sum() == pytest.approx(ordered.sum())
    np.testing.assert_allclose(rows.target[:3], [1.0, 1 / 3, 0.0])


def test_nobody_is_at_risk_after_an_order():
    at_risk, ordered = hazards.periods(np.array([10.0]), np.array([7.0, 14.0, 30.0]))
    assert at_risk.tolist() == [[1, 1, 0]]
    assert ordered.tolist() == [[0, 1, 0]]


def test_a_constant_hazard_is_found_and_goes_on_beyond_the_horizon():
    days = rng.exponential(50.0, 20_000)
    ends = hazards.bin_ends(90)
    fitted = hazards.fit(np.zeros(20_000), np.where(days <= 90, days, np.nan), ends)
    survival = np.exp(-fitted.cumulative(np.zeros(1))[0])
    assert survival[:-1] == pytest.approx(np.exp(-fitted.days[:-1] / 50), abs=0.015)
    assert -np.log(survival[-2]) / 90 == pytest.approx(1 / 50, rel=0.05)


def test_a_bin_nobody_ordered_in_still_has_a_hazard():
    ends = hazards.bin_ends(90)
    fitted = hazards.fit(np.zeros(50), np.full(50, np.nan), ends)
    assert (np.diff(fitted.cumulative(np.zeros(1))[0]) > 0).all()


def test_a_levelled_curve_has_so_many_times_as_many_buyers_and_keeps_its_order():
    score = np.linspace(-2.0, 2.0, 2_000)
    found = hazards.fit(
        score, np.where(rng.random(2_000) < 0.4, 10.0, np.nan), hazards.bin_ends(30)
    )
    more = hazards.levelled(found, score, 1.3)
    before, after = (hazards.mean_probability(one, score) for one in (found, more))
    assert after == pytest.approx(1.3 * before, rel=1e-6)
    assert (np.diff(more.cumulative(score)[:, len(more.ends)]) >= 0).all()
    assert hazards.levelled(found, score, 1.0) is found
