import pytest

from training.holm import adjusted


def test_holms_own_example_is_corrected_step_by_step():
    assert adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_later_p_value_is_never_below_an_earlier_one():
    assert adjusted([0.01, 0.011, 0.9]) == pytest.approx([0.03, 0.03, 0.9])


def test_no_p_value_goes_beyond_one():
    assert adjusted([0.6, 0.7]) == [1.0, 1.0]


def test_one_comparison_needs_no_correction_and_none_gives_none():
    assert adjusted([0.04]) == [0.04]
    assert adjusted([]) == []
