from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.errors import NotEnoughData
from training import cutoffs

AS_OF = datetime(2011, 3, 10, tzinfo=UTC)


def plan(history_days: int, horizon_days: int = 90) -> cutoffs.Plan:
    return cutoffs.plan(AS_OF - timedelta(days=history_days), AS_OF, horizon_days)


@given(st.integers(60, 2000), st.integers(1, 180))
def test_no_label_ends_after_the_moment_of_training(history, horizon):
    try:
        found = plan(history, horizon)
    except NotEnoughData:
        return
    assert found.label_days <= horizon
    assert found.every[-1] + timedelta(days=found.label_days) == AS_OF
    assert list(found.every) == sorted(set(found.every))


@given(st.integers(60, 2000), st.integers(1, 180))
def test_fits_come_before_what_they_are_judged_on(history, horizon):
    try:
        found = plan(history, horizon)
    except NotEnoughData:
        return
    assert found.fit
    assert max(found.fit) < min(found.validation)
    assert max(found.refit) < min(found.holdout)
    assert set(found.fit) | set(found.validation) <= set(found.refit)


def test_with_a_long_history_no_label_window_reaches_into_the_holdout():
    found = plan(700)
    horizon = timedelta(days=90)
    assert max(found.refit) + horizon <= min(found.holdout)
    assert max(found.fit) + horizon <= min(found.validation)
    assert "No label window" in found.statement


def test_with_a_short_history_the_overlap_is_said():
    assert "overlap" in plan(200).statement


def test_cutoffs_cover_at_most_a_year():
    assert len(plan(3000).every) == 12


def test_too_short_a_history_says_how_much_is_missing():
    with pytest.raises(NotEnoughData, match="7 days need 51 days of history; there are 50"):
        plan(50)


def test_a_horizon_too_long_is_learned_on_the_longest_label_that_leaves_three_cutoffs():
    found = plan(100)
    assert found.label_days == 56
    assert len(found.every) == 3
    assert plan(134).label_days == 90


def test_a_short_history_has_its_cutoffs_closer_together():
    found = plan(106, horizon_days=30)
    assert len(found.every) == 5
    assert found.every[1] - found.every[0] == timedelta(days=11)
    assert len(plan(74, horizon_days=30).every) == 3


def test_a_long_history_has_a_cutoff_every_30_days():
    found = plan(300, horizon_days=90)
    assert {b - a for a, b in zip(found.every, found.every[1:], strict=False)} == {
        timedelta(days=30)
    }


def test_a_short_horizon_needs_less_history():
    assert len(plan(100, horizon_days=14).every) >= 3
