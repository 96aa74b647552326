"""The curve of one customer is that of the same customer among many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retain.predictors.survival import Reading

steps = st.floats(0.0, 3.0) | st.just(0.0)
curves = st.lists(steps, min_size=4, max_size=4).map(np.cumsum)
DAYS = np.array([0.0, 7.0, 30.0, 365.0])


@given(
    st.lists(st.tuples(curves, curves), min_size=2, max_size=4),
    st.floats(0.0, 500.0),
    st.floats(0.0, 0.999),
)
def test_a_curve_reads_the_same_alone_and_among_others(curves, horizon, quantile):
    cumulative, average = (np.array(each) for each in zip(*curves, strict=True))
    many = Reading(DAYS, cumulative, DAYS, average)
    for row in range(len(curves)):
        one = Reading(DAYS, cumulative[row : row + 1], DAYS, average[row : row + 1])

        assert one.probability(horizon)[0] == many.probability(horizon)[row]
        assert one.days_until(quantile)[0] == many.days_until(quantile)[row]


def test_nobody_knows_when_a_customer_without_a_score_will_order():
    unknown = np.full((1, 4), np.nan)
    one = Reading(DAYS, unknown, DAYS, np.array([DAYS]))

    assert np.isnan(one.probability(30.0)).all()
    assert np.isnan(one.days_until(0.5)).all()
