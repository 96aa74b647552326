import numpy as np
import pytest
from pydantic import ValidationError

from training import discounting
from training.configuration import Training


def test_without_a_rate_nothing_is_worth_less():
    assert discounting.mean_factor(0.0, 90) == 1.0
    assert discounting.wording(0.0) == ""


def test_money_received_evenly_is_worth_the_mean_of_its_days():
    days = (np.arange(36_500) + 0.5) / 100
    expected = np.mean(1.2 ** (-days / 365))
    assert discounting.mean_factor(0.2, 365) == pytest.approx(expected, rel=1e-6)


def test_a_label_says_its_rate():
    assert discounting.wording(0.08) == ", discounted by 0.08 a year from the day of receipt"


def test_a_rate_below_zero_is_refused():
    assert Training().discount_rate_per_year == 0.0
    with pytest.raises(ValidationError):
        Training(discount_rate_per_year=-0.1)
