"""The level of a model that knows no season: towards what BG/NBD expects of the customers of now."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from retain.clock import EPOCH, MICROSECONDS_PER_DAY
from retain.quality.profile import Profile
from training import cutoffs
from training.anchoring import Anchor, Shift
from training.dataset import Dataset
from training.trade import Trade

DAYS = 200
HORIZON = 30
CUTOFFS = (60, 90, 120, 150)
AT = EPOCH + timedelta(days=DAYS)
PLAN = cutoffs.plan(EPOCH, AT, HORIZON)


def record(customers=3_000, seed=3):
    """One cohort: orders at a rate of one's own, until one of them is the last."""
    rng = np.random.default_rng(seed)
    rate, leaves = rng.gamma(1.0, 1 / 40.0, customers), rng.beta(1.0, 3.0, customers)
    rows = []
    for one in range(customers):
        day = rng.uniform(0, 30)
        while day < DAYS + HORIZON:
            rows.append((one, day))
            if rng.random() < leaves[one]:
                break
            day += rng.exponential(1 / max(rate[one], 1e-6))
    return np.array(rows)


def trade_of(rows):
    ts = pa.array((rows[:, 1] * MICROSECONDS_PER_DAY).astype(np.int64)).cast(
        pa.timestamp("us", "UTC")
    )
    ids = [str(int(one)) for one in rows[:, 0]]
    return Trade.of(
        pa.table(
            {
                "customer_id": ids,
                "ts": ts,
                "is_order": np.ones(len(rows), dtype=bool),
                "value": np.full(len(rows), 10.0),
            }
        ),
        AT,
    )


def looked_at(rows, day):
    """Columns and labels of everybody who had ordered by ``day``."""
    before, after = rows[rows[:, 1] <= day], rows[rows[:, 1] > day]
    people = np.unique(before[:, 0])
    first, last, orders, until, spend = (np.zeros(len(people)) for _ in range(5))
    for place, one in enumerate(people):
        own, next_ones = before[before[:, 0] == one, 1], after[after[:, 0] == one, 1]
        first[place], last[place], orders[place] = own.min(), own.max(), len(own)
        until[place] = next_ones.min() - day if len(next_ones) else np.nan
        spend[place] = 10.0 * (next_ones <= day + HORIZON).sum()
    columns = {
        "orders_lifetime": orders,
        "order_recency_days": day - last,
        "customer_age_days": day - first,
        "net_spend_lifetime": 10.0 * orders,
    }
    until[until > HORIZON] = np.nan
    return people, columns, until, spend


@pytest.fixture(scope="module")
def shop():
    rows = record()
    parts = [looked_at(rows, day) for day in CUTOFFS]
    _, current, until, spend = looked_at(rows, DAYS)
    at = np.repeat([day * MICROSECONDS_PER_DAY for day in CUTOFFS], [len(p[0]) for p in parts])
    columns = {name: np.concatenate([part[1][name] for part in parts]) for name in current}
    ordered = np.concatenate([part[2] for part in parts])
    data = Dataset(
        plan=PLAN,
        horizon_days=HORIZON,
        seed=7,
        customers=np.concatenate([part[0] for part in parts]).astype(str).astype(object),
        cutoffs=at.astype(np.int64),
        columns=columns,
        churned=np.isnan(ordered).astype(float),
        days_to_order=ordered,
        net_revenue=np.concatenate([part[3] for part in parts]),
        current=current,
        profile=Profile.model_construct(),
        trade=trade_of(rows),
    )
    return data, float((~np.isnan(until)).sum()), float(spend.sum())


def anchor(data, season_trust=0.0):
    everything = np.ones(len(data.cutoffs), dtype=bool)
    return Anchor(data, everything, data.current, data.trade.last, season_trust)


def test_a_cohort_that_faded_since_its_labels_is_expected_to_buy_less(shop):
    data, buyers, _ = shop
    carried = len(data.current["orders_lifetime"]) * float(1 - data.churned.mean())
    assert carried > 1.2 * buyers
    shift = anchor(data).buyers(carried)
    assert shift.trust > 0.8
    assert carried * shift.factor == pytest.approx(buyers, rel=0.12)


def test_revenue_moves_as_buyers_do(shop):
    data, _, revenue = shop
    carried = len(data.current["orders_lifetime"]) * float(data.net_revenue.mean())
    shift = anchor(data).net(carried)
    assert abs(carried * shift.factor / revenue - 1) < 0.5 * abs(carried / revenue - 1)


def test_a_level_that_is_right_stays_where_it_is(shop):
    data, buyers, _ = shop
    assert anchor(data).buyers(buyers).factor == pytest.approx(1.0, abs=0.12)


def test_what_btyd_is_always_off_by_does_not_count(shop):
    data, _, revenue = shop
    # everybody spends twice as much as their history says, at every cutoff
    twice = replace(data, net_revenue=2.0 * data.net_revenue)
    assert anchor(twice).net(2.0 * revenue).factor == pytest.approx(
        anchor(data).net(revenue).factor, rel=1e-6
    )


def test_a_trusted_season_leaves_nothing_to_move(shop):
    data, buyers, _ = shop
    assert anchor(data, season_trust=0.5).buyers(3.0 * buyers) == Shift()
    half, all_of_it = (anchor(data, trust).buyers(3.0 * buyers) for trust in (0.25, 0.0))
    assert half.trust == pytest.approx(all_of_it.trust / 2)


def test_a_guide_that_wanders_is_trusted_less(shop):
    data, _, _ = shop
    wild = np.where(data.cutoffs == data.cutoffs[0], 9.0, 1.0)
    wandering = replace(data, net_revenue=data.net_revenue * wild)
    assert anchor(wandering).net(1.0).trust < 0.5 * anchor(data).net(1.0).trust


def test_nothing_is_moved_where_nobody_ordered_twice(shop):
    data, buyers, _ = shop
    once = trade_of(np.column_stack([np.arange(500.0), np.linspace(0, 100, 500)]))
    assert anchor(replace(data, trade=once)).buyers(buyers) == Shift()


def test_one_customer_of_thousands_of_orders_leaves_the_level_a_number(shop):
    data, _, revenue = shop
    orders = data.columns["orders_lifetime"].copy()
    orders[:3] = 50_000.0
    odd = replace(data, columns={**data.columns, "orders_lifetime": orders})
    assert 0.3 < anchor(odd).net(revenue).factor < 3.0
