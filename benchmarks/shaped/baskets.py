"""Shops of many small baskets: households with coupons, and a market known for four months."""

from pathlib import Path

import numpy as np
import pandas as pd

from shaped.shop import Case, File, Rows, Shop, orders_of

_DAYS = 711
_BASKETS = """
name: households
type: {constant: order_completed}
customer_id: household_key
order_id: BASKET_ID
time: {column: DAY, format: day, day_zero: 2014-12-31}
currency: USD
properties: {store_id: {column: STORE_ID, optional: true}}
lines: {product_id: PRODUCT_ID, quantity: QUANTITY, amount: SALES_VALUE}
"""
_MAILED = """
name: campaigns
type: {constant: message_sent}
customer_id: household_key
channel: {constant: email}
time: {column: START_DAY, format: day, day_zero: 2014-12-31}
properties: {campaign_id: CAMPAIGN}
"""
_REDEEMED = """
name: redemptions
type: {constant: coupon_applied}
customer_id: household_key
time: {column: DAY, format: day, day_zero: 2014-12-31}
properties: {campaign_id: CAMPAIGN, coupon: COUPON_UPC}
"""
_MARKET = """
name: market
type: {constant: order_completed}
customer_id: CUSTOMER_ID
order_id: [TICKET]
time: {column: TRANSACTION_DT, format: "%m/%d/%Y"}
currency: TWD
lines: {product_id: PRODUCT_ID, category: PRODUCT_SUBCLASS, quantity: AMOUNT, amount: SALES_PRICE}
"""


def households(folder: Path, size: float, seed: int = 8) -> Shop:
    """Households who shop every few days for two years; few leave; some redeem coupons.

    Gaps are regular (gamma of shape two), so that BG/NBD is wrong about them. Part of the
    baskets' lines is free, and fuel is sold by thousands of units.
    """
    rng = np.random.default_rng(seed)
    count = int(1_500 * size)
    gap = rng.lognormal(np.log(6.0), 0.8, count)
    joins = np.where(rng.random(count) < 0.85, rng.integers(1, 100, count),
                     rng.integers(1, 350, count))  # fmt: skip
    leaves = np.where(rng.random(count) < 0.12, rng.integers(150, _DAYS, count), _DAYS + 1)
    visits = _visits(rng, gap, joins, np.minimum(leaves, _DAYS + 1), shape=2.0)
    mailed, redeemed = _campaigns(rng, gap)
    # a coupon is redeemed in a basket
    visits = pd.concat([visits, redeemed[["customer", "day"]]], ignore_index=True)
    visits = visits.sort_values("day", kind="stable", ignore_index=True)
    lines = _lines(rng, visits, rng.gamma(2.0, 1.8, count))
    fuel, free = rng.random(len(lines)) < 0.01, rng.random(len(lines)) < 0.005
    lines.loc[fuel, "quantity"] = rng.integers(3_000, 20_000, int(fuel.sum()))
    lines.loc[fuel, "value"] = np.round(rng.uniform(15, 60, int(fuel.sum())), 2)
    lines.loc[free & ~fuel, "value"] = 0.0
    table = pd.DataFrame(
        {
            "household_key": lines["customer"] + 1,
            "BASKET_ID": 26_984_851_472 + lines["basket"],
            "DAY": lines["day"],
            "PRODUCT_ID": 800_000 + lines["product"],
            "QUANTITY": lines["quantity"],
            "SALES_VALUE": lines["value"],
            "STORE_ID": 300 + lines["customer"] % 40,
            "COUPON_DISC": 0.0,
            "WEEK_NO": 1 + lines["day"] // 7,
        }
    )
    files = []
    for name, part, mapping in (
        ("transaction_data", table, _BASKETS),
        ("campaigns", mailed, _MAILED),
        ("coupon_redempt", redeemed.drop(columns=["customer", "day"]), _REDEEMED),
    ):
        path = folder / f"{name}.csv"
        part.to_csv(path, index=False)
        files.append(File(path, "csv", mapping, kept=len(part)))
    totals = lines.groupby("basket").agg(
        customer=("customer", "first"), day=("day", "first"), value=("value", "sum")
    )
    when = pd.Timestamp("2014-12-31") + pd.to_timedelta(totals["day"], unit="D")
    orders = orders_of((totals["customer"] + 1).astype(str), when, totals["value"])
    cases = (Case("2016-09-12", 90), Case("2016-11-11", 30))
    return Shop("households", tuple(files), orders, cases, int(orders["customer_id"].nunique()))


def market(folder: Path, size: float, seed: int = 9) -> Shop:
    """A supermarket's tickets of four months: nearly half of the customers came once."""
    rng = np.random.default_rng(seed)
    count = int(3_000 * size)
    gap = np.where(rng.random(count) < 0.45, 1e6, 10.0 + rng.gamma(1.2, 18.0, count))
    joins = np.floor(119 * rng.random(count) ** 1.5)
    visits = _visits(rng, gap, joins, np.full(count, 119.0), shape=1.5)
    lines = _lines(rng, visits, rng.gamma(2.0, 1.5, count))
    days = pd.Timestamp("2000-11-01") + pd.to_timedelta(lines["day"], unit="D")
    table = pd.DataFrame(
        {
            "TRANSACTION_DT": days.dt.strftime("%m/%d/%Y"),
            "CUSTOMER_ID": (lines["customer"] + 1_000).astype(str).str.zfill(8),
            "TICKET": lines["basket"],
            "PRODUCT_SUBCLASS": 100_000 + lines["product"] % 97,
            "PRODUCT_ID": 4_710_000_000_000 + lines["product"],
            "AMOUNT": lines["quantity"],
            "SALES_PRICE": lines["value"],
        }
    )
    path = folder / "market.csv"
    table.to_csv(path, index=False)
    totals = lines.groupby("basket").agg(
        customer=("customer", "first"), day=("day", "first"), value=("value", "sum")
    )
    who = (totals["customer"] + 1_000).astype(str).str.zfill(8)
    when = pd.Timestamp("2000-11-01") + pd.to_timedelta(totals["day"], unit="D")
    files = (File(path, "csv", _MARKET, kept=len(table)),)
    cases = (Case("2001-01-29", 30), Case("2001-02-14", 14))
    return Shop("market", files, orders_of(who, when, totals["value"]), cases, count)


def _visits(rng: np.random.Generator, gap: Rows, joins: Rows, ends: Rows, shape: float) -> Rows:
    """``customer, day`` of visits whose gaps are gamma of ``shape`` around one's own mean."""
    rows = []
    for one in range(len(gap)):
        day = float(joins[one])
        while day < ends[one]:
            rows.append((one, int(day)))
            day += max(rng.gamma(shape, gap[one] / shape), 0.3)
    found = pd.DataFrame(rows, columns=["customer", "day"])
    return found.sort_values("day", kind="stable", ignore_index=True)


def _lines(rng: np.random.Generator, visits: Rows, width: Rows) -> Rows:
    """The lines of every visit's basket; a product stands once in a basket."""
    owner = visits["customer"].to_numpy()
    basket = np.repeat(np.arange(len(visits)), 1 + rng.poisson(width[owner]))
    quantity = 1 + rng.poisson(0.3, len(basket))
    lines = pd.DataFrame(
        {
            "basket": basket,
            "customer": owner[basket],
            "day": visits["day"].to_numpy()[basket],
            "product": np.minimum(rng.zipf(1.3, len(basket)), 20_000),
            "quantity": quantity,
            "value": np.round(quantity * rng.gamma(2.0, 1.6, len(basket)) + 0.05, 2),
        }
    )
    return lines.drop_duplicates(["basket", "product"], ignore_index=True)


def _campaigns(rng: np.random.Generator, gap: Rows) -> tuple[Rows, Rows]:
    """Mailings to a fourth of the households every seven weeks; who shops often redeems more."""
    mailed, redeemed = [], []
    for campaign, start in enumerate(range(224, 700, 48), 1):
        to = np.flatnonzero(rng.random(len(gap)) < 0.25)
        mailed.append(pd.DataFrame({"household_key": to + 1, "CAMPAIGN": campaign,
                                    "START_DAY": start}))  # fmt: skip
        uses = to[rng.random(len(to)) < np.minimum(0.6 / np.sqrt(gap[to]), 0.5)]
        day = start + rng.integers(1, 30, len(uses))
        some = pd.DataFrame({"household_key": uses + 1, "DAY": day, "CAMPAIGN": campaign,
                             "COUPON_UPC": 10_000_000 + campaign})  # fmt: skip
        redeemed.append(some.assign(customer=uses, day=day)[day <= _DAYS])
    return pd.concat(mailed, ignore_index=True), pd.concat(redeemed, ignore_index=True)
