"""The simulator's public face: size, order, window, determinism."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from retain.errors import InvalidInput
from retain.event import EVENT_SCHEMA
from retain.simulator import blocks, products, simulate
from retain.simulator.plan import BLOCK_CUSTOMERS


@pytest.fixture(scope="module")
def shop() -> pa.Table:
    return pa.concat_tables(simulate(1_000))


def test_tables_have_the_event_schema(shop):
    assert shop.schema == EVENT_SCHEMA


def test_a_block_is_in_time_order():
    (table,) = simulate(200)
    ts = table["ts"].cast(pa.int64()).to_numpy()
    assert (ts[1:] >= ts[:-1]).all()


def test_events_were_received_when_they_happened(shop):
    assert shop["received_at"].equals(shop["ts"])


def test_a_customer_has_about_a_hundred_events(shop):
    assert 90_000 < shop.num_rows < 115_000


def test_every_customer_has_events(shop):
    assert pc.count_distinct(shop["customer_id"]).as_py() == 1_000


def test_event_ids_are_unique(shop):
    assert pc.count_distinct(shop["event_id"]).as_py() == shop.num_rows


def test_a_small_share_of_events_is_anonymous(shop):
    anonymous = pc.sum(shop["customer_id"].is_null()).as_py()
    assert 0 < anonymous < 0.05 * shop.num_rows


def test_every_event_has_a_customer_or_a_visitor(shop):
    nobody = pc.and_(shop["customer_id"].is_null(), shop["anonymous_id"].is_null())
    assert not pc.any(nobody).as_py()


def test_the_same_seed_gives_the_same_shop():
    again = [pa.concat_tables(simulate(300, seed=3)) for _ in range(2)]
    assert again[0].equals(again[1])


def test_another_seed_gives_another_shop():
    one, other = (pa.concat_tables(simulate(100, seed=seed)) for seed in (1, 2))
    assert not one["ts"].equals(other["ts"])


def test_shops_of_different_parameters_share_no_event_ids():
    one, other = (set(pa.concat_tables(simulate(n))["event_id"].to_pylist()) for n in (50, 51))
    assert not one & other


def test_customers_are_numbered_through_all_blocks():
    drawn = list(blocks(BLOCK_CUSTOMERS + 1, start=datetime(2026, 9, 1, tzinfo=UTC)))
    assert [block.customers for block in drawn] == [BLOCK_CUSTOMERS, 1]
    assert drawn[1].truth["customer_id"].to_pylist() == [f"C{BLOCK_CUSTOMERS + 1:07d}"]


def test_a_full_block_is_the_same_in_a_bigger_shop():
    start = datetime(2026, 9, 1, tzinfo=UTC)
    small = next(blocks(BLOCK_CUSTOMERS, start=start))
    big = next(blocks(BLOCK_CUSTOMERS + 1, start=start))
    assert small.truth.equals(big.truth)
    assert small.events["ts"].equals(big.events["ts"])


def test_events_lie_in_the_window_asked_for():
    start, end = datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 9, 1, tzinfo=UTC)
    shop = pa.concat_tables(simulate(200, start=start, end=end))
    assert pc.min(shop["ts"]).as_py() >= start
    assert pc.max(shop["ts"]).as_py() < end


def test_the_default_window_ends_with_october_2026(shop):
    assert pc.max(shop["ts"]).as_py() > datetime(2026, 10, 30, tzinfo=UTC)
    assert pc.max(shop["ts"]).as_py() < datetime(2026, 10, 31, tzinfo=UTC)


def test_a_window_too_short_for_campaigns_still_makes_a_shop():
    (block,) = blocks(50, start=datetime(2026, 9, 20, tzinfo=UTC))
    assert block.events.num_rows > 0
    assert block.campaign_truth.num_rows == 0


def test_one_customer_is_a_shop():
    assert pa.concat_tables(simulate(1)).num_rows > 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"customers": 0}, "customers"),
        ({"seed": -1}, "seed"),
        ({"start": datetime(2026, 10, 20, tzinfo=UTC)}, "start"),
        ({"start": datetime(2001, 1, 1, tzinfo=UTC)}, "start"),
    ],
)
def test_parameters_that_make_no_shop_are_refused(arguments, field):
    with pytest.raises(InvalidInput) as refused:
        simulate(**arguments)
    assert refused.value.field == field


def test_products_are_about_four_hundred_in_twelve_categories():
    feed = products()
    assert feed.column_names == ["product_id", "name", "category", "price", "margin", "in_stock"]
    assert 330 < feed.num_rows < 480
    assert pc.count_distinct(feed["category"]).as_py() == 12
    assert pc.count_distinct(feed["product_id"]).as_py() == feed.num_rows


def test_a_margin_is_a_share_of_the_price():
    margins = products()["margin"].to_numpy()
    assert ((margins > 0) & (margins < 1)).all()
