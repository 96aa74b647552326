"""Occasions, on a shop that sells three times as much on the days of a promotion."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from retain.calendar import CalendarDay
from retain.clock import to_micros
from training import occasions, seasons
from training.trade import Trade

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 365 + 92
AS_OF = START + timedelta(days=DAYS)
MOMENT = to_micros(AS_OF)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ORDINARY, TIMES, CUSTOMERS, HORIZON = 0.01, 3.0, 1_500, 30
LAST_YEAR = DAYS - 365
PLAIN = CUSTOMERS * HORIZON * ORDINARY * 10

PAST = (20, 150, 200, 250, 300)
MOVED_AWAY = (*PAST, LAST_YEAR + 10)
FAR_AHEAD = DAYS + 300


def weeks(*first_days):
    return {day + more for day in first_days for more in range(7)}


def calendar(*first_days, kind="promotion", known_at=LONG_AGO):
    """What a calendar answers of weeks that begin on these days of the shop."""
    days = [(START + timedelta(days=day)).date() for day in sorted(weeks(*first_days))]

    def known(first, last, moment):
        wanted = [day for day in days if first <= day <= last and known_at <= moment]
        return [CalendarDay(day, "", kind, "Week") for day in wanted]

    return known


def both(*calendars):
    return lambda *asked: [one for known in calendars for one in known(*asked)]


def trade(*first_days, times=TIMES):
    rng = np.random.default_rng(3)
    sold = weeks(*first_days)
    daily = np.array([ORDINARY * (times if day in sold else 1.0) for day in range(DAYS)])
    day, who = np.nonzero(rng.random((DAYS, CUSTOMERS)) < daily[:, None])
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


def outlook(shop, known=occasions.nothing_known):
    return seasons.outlook(shop, MOMENT, HORIZON, known=known)


@pytest.fixture(scope="module")
def moved_away():
    return trade(*MOVED_AWAY)


def test_a_day_is_worth_what_it_brings_over_the_same_weekdays_around(moved_away):
    found = occasions.read(calendar(*MOVED_AWAY), moved_away, MOMENT)
    worth, days = found.worth["promotion"]
    assert days == 42
    kept = 42 / 46
    assert worth.orders == pytest.approx(1 + kept * (TIMES - 1), rel=0.1)
    assert worth.net == pytest.approx(worth.orders, rel=1e-9)


def test_closed_days_are_worth_little():
    found = occasions.read(calendar(*PAST, kind="closure"), trade(*PAST, times=0.0), MOMENT)
    worth, days = found.worth["closure"]
    assert worth.net == pytest.approx(1 - days / (days + 4))


def test_a_promotion_that_is_not_repeated_is_not_expected_again(moved_away):
    blind = outlook(moved_away)
    told = outlook(moved_away, calendar(*MOVED_AWAY, FAR_AHEAD))
    assert blind.net[0] > 1.2 * PLAIN
    assert told.net[0] == pytest.approx(PLAIN, rel=0.1)
    assert told.moved[1] < 0.75
    assert told.buyers[0, 1] < blind.buyers[0, 1]


def test_a_promotion_that_is_new_this_year_is_expected():
    shop = trade(*PAST)
    told = outlook(shop, calendar(*PAST, DAYS + 10))
    assert told.net[0] == pytest.approx(PLAIN * (1 + 7 / 30 * (TIMES - 1)), rel=0.12)
    assert told.net[0] > 1.3 * outlook(shop).net[0]


def test_an_entry_known_only_after_the_moment_is_invisible():
    shop, past = trade(*PAST), calendar(*PAST)
    later = calendar(DAYS + 10, known_at=AS_OF + timedelta(microseconds=1))
    in_time = calendar(DAYS + 10, known_at=AS_OF)
    np.testing.assert_array_equal(outlook(shop, both(past, later)).net, outlook(shop, past).net)
    assert outlook(shop, both(past, in_time)).net[0] > outlook(shop, past).net[0]


def test_an_empty_calendar_changes_no_number(moved_away):
    found = outlook(moved_away)
    assert found.occasions.worth == {}
    assert found.moved == (1.0, 1.0)
    ones = np.ones(3)
    np.testing.assert_array_equal(ones * found.occasions.this_year(ones, 30).net, ones)


def test_behind_the_last_day_that_is_planned_last_year_holds(moved_away):
    told = outlook(moved_away, calendar(*MOVED_AWAY))
    assert told.moved == pytest.approx((1.0, 1.0))
    assert told.net[0] == pytest.approx(outlook(moved_away).net[0], rel=0.1)


def test_what_is_first_written_down_this_year_does_not_count_as_new():
    shop = trade(*PAST, LAST_YEAR + 10)
    told = outlook(shop, calendar(250, 300, DAYS + 10))
    assert told.moved == pytest.approx((1.0, 1.0))


def test_other_kinds_change_nothing():
    shop = trade(*PAST)
    told = outlook(shop, calendar(*PAST, DAYS + 10, kind="competitor_promotion"))
    np.testing.assert_array_equal(told.net, outlook(shop).net)


def test_the_sentence_and_the_manifest_say_what_was_known(moved_away):
    told = outlook(moved_away, calendar(*MOVED_AWAY, FAR_AHEAD))
    assert "promotion 2." in seasons.sentence(told)
    described = seasons.described(told)["calendar"]
    assert described["day_worth"]["promotion"]["days"] == 42
    assert described["net_moved"] == told.moved[1]
    assert "fall as they did last year" in seasons.sentence(outlook(moved_away))
