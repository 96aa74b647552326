"""The share of last year's trade that known customers made."""

import numpy as np
import pyarrow as pa
import pytest

from retain.clock import MICROSECONDS_PER_DAY, from_micros
from training import known_share
from training.trade import Trade

LAST = 760


def shop(first_day, newcomers_until, customers=400):
    """Weekly shoppers: half are there from ``first_day`` on, the others begin one after the other."""
    begins = np.where(
        np.arange(customers) % 2 == 0,
        first_day,
        np.linspace(first_day, newcomers_until, customers),
    )
    who = np.repeat(np.arange(customers), ((LAST - begins) // 7 + 1).astype(int))
    visit = np.concatenate([np.arange((LAST - one) // 7 + 1) for one in begins])
    days = begins[who] + 7.0 * visit
    ts = pa.array((days * MICROSECONDS_PER_DAY).astype(np.int64)).cast(pa.timestamp("us", "UTC"))
    table = {
        "customer_id": [str(one) for one in who],
        "ts": ts,
        "is_order": np.ones(len(who), dtype=bool),
        "value": np.full(len(who), 5.0),
    }
    return Trade.of(pa.table(table), from_micros(LAST * MICROSECONDS_PER_DAY))


def share(trade, days=90.0):
    return known_share.of(trade, LAST * MICROSECONDS_PER_DAY, days, known_share.bought)


def test_where_everybody_has_been_known_for_long_the_share_is_one():
    assert share(shop(first_day=0, newcomers_until=50)) == pytest.approx(1.0)


def test_newcomers_of_last_year_are_not_expected_again_where_none_came_lately():
    # they came until 120 days after the window of last year began
    assert share(shop(first_day=0, newcomers_until=515)) == pytest.approx(0.905, abs=0.03)


def test_a_record_that_begins_shortly_before_last_years_window_says_how_it_is_lately():
    seldom = shop(first_day=390, newcomers_until=700)
    lately = share(seldom)
    # a tenth of the shoppers is new in a late window; in last year's own nobody could be known
    assert 0.8 < lately < 1.0


def test_the_share_of_revenue_is_that_of_who_brought_it():
    trade = shop(first_day=0, newcomers_until=515)
    window = trade.within(395 * MICROSECONDS_PER_DAY, 90)
    known = np.zeros(400)
    known[:200] = 1.0
    assert known_share.brought(window, known) == pytest.approx(
        float(window.value[window.customers < 200].sum() / window.net)
    )
