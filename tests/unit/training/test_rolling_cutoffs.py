from datetime import UTC, datetime, timedelta

import pytest

from retain.errors import NotEnoughData
from training.rolling_cutoffs import choose

FIRST, LAST = datetime(2009, 12, 1, 7, 45, tzinfo=UTC), datetime(2011, 6, 8, 16, 9, tzinfo=UTC)


def shown(found):
    return [(f"{one.as_of:%Y-%m-%d}", one.horizon_days, one.counted) for one in found]


def test_online_retail_on_the_ninth_counts_the_months_with_a_year_of_history():
    found = shown(choose(FIRST, LAST, [90, 30], day_of_month=9))
    assert found == [
        ("2010-12-09", 90, False),
        ("2011-01-09", 90, True),
        ("2011-02-09", 90, True),
        ("2011-03-09", 90, True),
        ("2010-12-09", 30, False),
        ("2011-01-09", 30, True),
        ("2011-02-09", 30, True),
        ("2011-03-09", 30, True),
        ("2011-04-09", 30, True),
        ("2011-05-09", 30, True),
    ]


def test_a_cutoff_that_does_not_count_says_why():
    first = choose(FIRST, LAST, [90], day_of_month=9)[0]
    assert "no year of history" in first.why_not


def test_no_label_window_reaches_beyond_the_last_event():
    for one in choose(FIRST, LAST, [7, 30, 90]):
        assert one.as_of + timedelta(days=one.horizon_days) <= LAST


def test_the_default_day_is_the_latest_that_leaves_room_for_the_longest_horizon():
    assert {one.as_of.day for one in choose(FIRST, LAST, [90, 30])} == {10}


def test_so_many_cutoffs_are_taken_as_asked_for():
    assert len(choose(FIRST, LAST, [30], cutoffs=2)) == 2


def test_a_short_history_is_judged_although_no_cutoff_has_a_year():
    found = choose(LAST - timedelta(days=200), LAST, [30])
    assert found
    assert not any(one.counted for one in found)


def test_a_history_without_a_single_window_is_refused():
    with pytest.raises(NotEnoughData, match="no label window"):
        choose(LAST - timedelta(days=40), LAST, [90])


def test_the_year_before_is_the_same_day():
    assert choose(FIRST, LAST, [90], day_of_month=9)[-1].a_year_before == datetime(
        2010, 3, 9, tzinfo=UTC
    )
