"""The season, on shops whose season, growth and cohorts are known."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from retain.clock import to_micros
from retain.predictors.survival import Curves
from training import hazards, seasons
from training.trade import Trade

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 365 + 92
AS_OF = START + timedelta(days=DAYS)
MOMENT = to_micros(AS_OF)


def trade(intensity, customers=1_500, days=DAYS, seed=3):
    """Orders of 10 by customers who all order with the same probability on a day."""
    rng = np.random.default_rng(seed)
    daily = np.array([intensity(day) for day in range(days)])
    day, who = np.nonzero(rng.random((days, customers)) < daily[:, None])
    return of(day, who)


def of(day, who):
    ts = [START + timedelta(days=int(one), hours=9) for one in day]
    table = pa.table(
        {
            "customer_id": pa.array([f"c{one}" for one in who]),
            "ts": pa.array(ts, pa.timestamp("us", "UTC")),
            "is_order": pa.array(np.ones(len(ts), dtype=bool)),
            "value": pa.array(np.full(len(ts), 10.0)),
        }
    )
    return Trade.of(table, AS_OF)


def busy_spring(day):
    return 0.03 if 92 <= day % 365 < 182 else 0.01


@pytest.fixture(scope="module")
def spring():
    return seasons.outlook(trade(busy_spring), MOMENT, 90)


def test_the_next_quarter_is_expected_like_the_same_quarter_of_last_year(spring):
    expected = 1_500 * 90 * 0.03 * 10
    assert spring.net[0] == pytest.approx(expected, rel=0.07)
    assert spring.buyers[0, -1] == pytest.approx(1_500 * (1 - 0.97**90), rel=0.03)
    assert spring.net_trust > 0.9


def test_a_later_moment_of_scoring_has_its_own_level(spring):
    quarter_later = spring.net[13]
    assert quarter_later == pytest.approx(1_500 * 90 * 0.01 * 10, rel=0.12)


def test_growth_of_the_last_quarter_is_carried_on():
    grown = seasons.outlook(trade(lambda day: 0.01 if day < 365 else 0.013), MOMENT, 90)
    assert 1.1 < grown.growth[1] < 1.3


def test_without_a_year_and_a_month_there_is_no_season():
    short = trade(busy_spring, days=380)
    assert seasons.outlook(short, to_micros(START + timedelta(days=380)), 90) is None
    assert "no season was learned" in seasons.sentence(None)
    assert seasons.described(None) == {"learned": False}


def test_it_is_said_where_only_the_registered_model_knows_a_season(spring):
    assert "the evaluated model knew no season" in seasons.unlike(None, spring)[0]
    assert seasons.unlike(spring, spring) == seasons.unlike(None, None) == ()


def test_nothing_after_the_moment_is_read():
    whole = trade(busy_spring)
    early = MOMENT - 30 * 86_400_000_000
    known = seasons.outlook(whole, early, 30)
    cut = seasons.outlook(whole.until(early), early, 30)
    np.testing.assert_array_equal(known.net, cut.net)
    np.testing.assert_array_equal(known.buyers, cut.buyers)


def test_a_single_cohort_that_fades_is_not_taken_for_a_season():
    rng = np.random.default_rng(8)
    first = rng.integers(0, 84, 2_000)
    gaps = first[:, None] + np.cumsum(rng.exponential(200.0, (2_000, 3)), axis=1)
    who = np.repeat(np.arange(2_000), 4)
    day = np.column_stack([first, gaps]).ravel()
    kept = day < DAYS
    found = seasons.outlook(of(day[kept], who[kept]), MOMENT, 90)
    assert found.net_trust < 0.4
    assert (found.buyers_trust < 0.4).all()


def test_the_curve_meets_the_expected_number_of_buyers(spring):
    rng = np.random.default_rng(2)
    days = rng.exponential(100.0, 1_500)
    ends = hazards.bin_ends(90)
    curve = hazards.fit(np.zeros(1_500), np.where(days <= 90, days, np.nan), ends)
    score = np.zeros(1_500)
    clock = seasons.clock(spring, curve, score, MOMENT)
    since = np.full(1_500, np.datetime64(MOMENT, "us"))
    reading = Curves(curve, clock).read(score, since)
    assert reading.probability(90.0).sum() == pytest.approx(spring.buyers[0, -1], rel=0.03)
    knots = clock.knots(since[:1])[1]
    assert (np.diff(knots, axis=1) >= 0).all()


def test_a_total_meets_the_expected_one_as_far_as_it_is_trusted(spring):
    factor = seasons.factor(spring, 20_000.0, MOMENT).rows[0, 0]
    full = spring.net[0] / 20_000.0
    assert factor == pytest.approx(full**spring.net_trust, rel=1e-6)


def test_who_is_drawn_counts_as_their_share():
    half = seasons.outlook(trade(busy_spring), MOMENT, 90, drawn=0.5)
    whole = seasons.outlook(trade(busy_spring), MOMENT, 90)
    np.testing.assert_allclose(half.net, whole.net / 2)


def test_a_shop_of_a_handful_has_no_season():
    assert seasons.outlook(trade(busy_spring, customers=8), MOMENT, 90) is None
