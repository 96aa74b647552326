"""The simulator's tools: ragged columns, look-ups in time, the season's clock, JSON text."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from retain.clock import to_micros
from retain.simulator import jsontext
from retain.simulator.columns import DAY, NEVER, owners, pick, positions, running_sum
from retain.simulator.kinds import GIFT, NAMES, REGULAR, each
from retain.simulator.plan import plan
from retain.simulator.purchases import chance_of_order, purchases
from retain.simulator.season import Season, on_sale
from retain.simulator.timeline import Timeline
from retain.simulator.world import world

counts_of = st.lists(st.integers(0, 5), min_size=1, max_size=8)
SINCE = 1_700_000_000_000_000


@given(counts_of)
def test_owners_and_positions_number_every_row(counts):
    rows = np.array(counts, dtype=np.int64)
    expected = [(who, row) for who, many in enumerate(counts) for row in range(many)]
    assert list(zip(owners(rows), positions(rows), strict=True)) == expected


@given(counts_of)
def test_a_running_sum_starts_anew_with_each_owner(counts):
    rows = np.array(counts, dtype=np.int64)
    ones = np.ones(int(rows.sum()))
    assert (running_sum(ones, rows) == positions(rows) + 1).all()


def test_pick_follows_its_weights():
    drawn = pick(np.random.default_rng(1), (1.0, 0.0, 3.0), 20_000)
    shares = np.bincount(drawn, minlength=3) / 20_000
    assert abs(shares[0] - 0.25) < 0.02
    assert shares[1] == 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=25),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=1, max_size=10),
)
def test_a_timeline_answers_like_a_search_through_all_times(times, asked):
    customer, ts = (np.array([t[i] for t in times], dtype=np.int64) for i in (0, 1))
    who, at = (np.array([a[i] for a in asked], dtype=np.int64) for i in (0, 1))
    line = Timeline(customer, ts + SINCE, SINCE)
    before = [[t for c, t in times if c == w and t < a] for w, a in asked]
    within = [any(c == w and a < t <= a + 10 for c, t in times) for w, a in asked]
    assert line.count_before(who, at + SINCE).tolist() == [len(b) for b in before]
    last = [max(b) + SINCE if b else -NEVER for b in before]
    first = [min(b) + SINCE if b else -NEVER for b in before]
    assert line.last_before(who, at + SINCE).tolist() == last
    assert line.first_before(who, at + SINCE).tolist() == first
    assert line.any_within(who, at + SINCE, at + SINCE + 10).tolist() == within


def test_a_year_of_season_time_is_a_year():
    shop = plan(
        1, seed=1, start=datetime(2025, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 1, tzinfo=UTC)
    )
    kinds = np.arange(len(NAMES))
    year = Season(shop).at(kinds, np.full(len(NAMES), shop.end))
    assert np.allclose(year, 1.0, atol=0.01)


def test_a_season_maps_back_to_the_date_it_came_from():
    shop = plan(1, seed=1)
    season = Season(shop)
    kinds = np.repeat(np.arange(len(NAMES)), 50)
    times = shop.start + np.tile(
        np.linspace(0, shop.end - shop.start - 1, 50).astype(np.int64), len(NAMES)
    )
    assert np.abs(season.when(kinds, season.at(kinds, times)) - times).max() < 10_000


def test_gifts_have_more_of_a_christmas_than_replenishment():
    shop = plan(1, seed=1)
    season = Season(shop)
    december = np.array([datetime(2025, 11, 25, tzinfo=UTC), datetime(2025, 12, 20, tzinfo=UTC)])
    span = [
        np.diff(season.at(np.full(2, kind), np.array([to_micros(t) for t in december])))[0]
        for kind in (GIFT, REGULAR)
    ]
    assert span[0] > 1.5 * span[1] > 0


def test_the_shop_is_on_sale_on_black_friday_and_not_in_march():
    days = [datetime(2025, 11, 28, tzinfo=UTC), datetime(2025, 3, 10, tzinfo=UTC)]
    assert on_sale(np.array([to_micros(day) for day in days])).tolist() == [0.20, 0.0]


def test_a_json_object_leaves_its_null_members_out():
    written = jsontext.objects(
        2, a=pa.array(["1", None]), b="x", c=jsontext.quoted(pa.array([None, "y"], pa.string()))
    )
    assert [json.loads(text) for text in written.to_pylist()] == [
        {"a": 1, "b": "x"},
        {"b": "x", "c": "y"},
    ]


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_money_is_written_to_the_penny(pence):
    written = jsontext.money(np.array(pence, dtype=np.int64)).to_pylist()
    assert [round(float(text) * 100) for text in written] == pence


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_decimal_keeps_its_sign_and_two_places(values):
    for value, text in zip(values, jsontext.decimal(np.array(values)).to_pylist(), strict=True):
        assert abs(json.loads(text) - value) <= 0.005 + 1e-9


@given(counts_of)
def test_lists_hold_their_own_texts_in_order(counts):
    rows = np.array(counts, dtype=np.int64)
    texts = pa.array([str(i) for i in range(int(rows.sum()))], pa.string())
    written = [json.loads(text) for text in jsontext.lists(texts, rows).to_pylist()]
    assert [len(each_list) for each_list in written] == counts
    assert [value for each_list in written for value in each_list] == list(range(int(rows.sum())))


def test_times_are_written_as_utc():
    at = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    written = jsontext.iso(np.array([to_micros(at), to_micros(at + timedelta(days=1))]))
    assert written.to_pylist() == ['"2026-05-04T03:02:01Z"', '"2026-05-05T03:02:01Z"']


def test_an_order_within_the_whole_rest_of_a_long_life_is_all_but_certain():
    here = world(shop := plan(300, seed=2), next(shop.blocks()))
    natural = purchases(here)
    buys = np.flatnonzero(
        (here.population.orders_per_year > 6) & (here.population.churned_at == NEVER)
    )
    since = np.full(len(buys), shop.start + 20 * DAY)
    known = buys[here.population.begins_at[buys] < since]
    assert len(known)
    chances = chance_of_order(here, natural, known, since[: len(known)], shop.days - 20)
    assert chances.min() > 0.9


def test_who_has_left_orders_nothing():
    here = world(shop := plan(300, seed=2), next(shop.blocks()))
    left = np.flatnonzero(here.population.churned_at != NEVER)
    at = here.population.churned_at[left]
    assert (chance_of_order(here, purchases(here), left, at, 14) == 0).all()


def test_every_type_has_a_share():
    assert each("share").sum() == 1
