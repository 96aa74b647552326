"""Shops that sell: one cohort of CD buyers, a grocer, and a mail-order house of odd habits."""

from pathlib import Path

import numpy as np
import pandas as pd

from shaped.shop import Case, File, Rows, Shop, orders_of, repeating


def cd_buyers(folder: Path, size: float, seed: int = 1) -> Shop:
    """One cohort by BG/NBD with the parameters published for CDNOW, spend by Gamma-Gamma.

    Fader, Hardie and Lee (2005), Marketing Science 24; Fader and Hardie (2013), "The
    Gamma-Gamma Model of Monetary Value". Times are in weeks.
    """
    rng = np.random.default_rng(seed)
    customers = int(6_000 * size)
    rate = rng.gamma(0.243, 1 / 4.414, customers)
    dropout = rng.beta(0.793, 2.426, customers)
    scale = rng.gamma(3.74, 1 / 15.44, customers)
    first = rng.integers(0, 84, customers) / 7
    rows = []
    for one in range(customers):
        week = first[one]
        while week < 545 / 7:
            spend = rng.gamma(6.25, 1 / scale[one])
            rows.append((f"{one + 1:05d}", int(week * 7), 1 + rng.poisson(1.2), round(spend, 2)))
            if rng.random() < dropout[one]:
                break
            week += rng.exponential(1 / rate[one]) if rate[one] > 0 else 1e9
    data = pd.DataFrame(rows, columns=["customer_id", "day", "cds", "value"])
    days = pd.Timestamp("1997-01-01") + pd.to_timedelta(data["day"], unit="D")
    path = folder / "CDNOW_master.txt"
    lines = zip(data["customer_id"], days.dt.strftime("%Y%m%d"), data["cds"], data["value"],
                strict=True)  # fmt: skip
    path.write_text("".join(f" {c} {d} {n:2d} {v:7.2f}\n" for c, d, n, v in lines))
    orders = orders_of(data["customer_id"], days, data["value"])
    cases = (Case("1998-04-01", 90), Case("1998-01-01", 180), Case("1997-10-01", 270))
    return Shop("cd-buyers", (File(path, "cdnow", kept=len(data)),), orders, cases, customers)


_GROCERY = """
name: grocer
type: {constant: order_completed}
customer_id: household_key
order_id: BASKET_ID
time: {column: DAY, format: day, day_zero: 2014-12-31}
currency: USD
properties: {store_id: {column: STORE_ID, optional: true}}
lines: {product_id: PRODUCT_ID, quantity: QUANTITY, amount: SALES_VALUE}
"""
_MAILINGS = """
name: mailings
type: {column: kind, values: {mailed: message_sent, redeemed: coupon_applied}}
customer_id: household_key
channel: {constant: email}
time: {column: DAY, format: day, day_zero: 2014-12-31}
properties: {campaign_id: CAMPAIGN, coupon: COUPON_UPC}
"""


def grocer(folder: Path, size: float, seed: int = 2) -> Shop:
    """Households of weekly baskets over two years, some of whom leave; coupons and campaigns."""
    rng = np.random.default_rng(seed)
    households = int(2_500 * size)
    per_week = rng.gamma(3.0, 0.3, households)
    joined = np.where(rng.random(households) < 0.6, 0, rng.integers(0, 500, households))
    stays = rng.exponential(900, households)
    counts = rng.poisson(per_week * 104)
    owner = np.repeat(np.arange(households), counts)
    day = rng.integers(1, 731, len(owner))
    summer = 0.85 + 0.15 * np.cos(2 * np.pi * (day - 355) / 365)
    there = (day >= joined[owner]) & (day < joined[owner] + stays[owner])
    kept = there & (rng.random(len(owner)) < summer)
    owner, day = owner[kept], day[kept]
    order = np.argsort(day, kind="stable")
    owner, day = owner[order], day[order]
    lines = 1 + rng.poisson(rng.gamma(2.0, 2.5, households)[owner])
    basket = np.repeat(np.arange(len(owner)), lines)
    product = np.minimum(rng.zipf(1.3, len(basket)), 20_000)
    quantity = 1 + rng.poisson(0.3, len(basket))
    value = np.round(quantity * rng.gamma(2.0, 1.6, len(basket)), 2)
    coupon = np.where(rng.random(len(basket)) < 0.03, -0.5, 0.0)
    table = pd.DataFrame(
        {
            "household_key": owner[basket] + 1,
            "BASKET_ID": 26_984_851_472 + basket,
            "DAY": day[basket],
            "PRODUCT_ID": 800_000 + product,
            "QUANTITY": quantity,
            "SALES_VALUE": value,
            "STORE_ID": 300 + owner[basket] % 40,
            "RETAIL_DISC": np.round(-value * 0.1 * (rng.random(len(basket)) < 0.3), 2),
            "COUPON_DISC": coupon,
        }
    )
    # the dumb key of a line: a product stands once in a basket
    table = table.drop_duplicates(["BASKET_ID", "PRODUCT_ID"])
    path = folder / "transaction_data.csv"
    table.to_csv(path, index=False)
    totals = table.groupby("BASKET_ID").agg(
        customer=("household_key", "first"), day=("DAY", "first"), value=("SALES_VALUE", "sum")
    )
    when = pd.Timestamp("2014-12-31") + pd.to_timedelta(totals["day"], unit="D")
    orders = orders_of(totals["customer"].astype(str), when, totals["value"])
    mailed = _mailings(households, rng)
    mailings = folder / "campaigns.csv"
    mailed.to_csv(mailings, index=False)
    files = (
        File(path, "csv", _GROCERY, kept=len(table)),
        File(mailings, "csv", _MAILINGS, kept=len(mailed)),
    )
    cases = (Case("2016-09-01", 90), Case("2016-11-15", 30), Case("2016-05-01", 180))
    return Shop("grocer", files, orders, cases, int(orders["customer_id"].nunique()))


def _mailings(households: int, rng: np.random.Generator) -> Rows:
    parts = []
    for campaign, start in enumerate(range(60, 720, 45), 1):
        to = np.flatnonzero(rng.random(households) < 0.25) + 1
        redeemed = to[rng.random(len(to)) < 0.08]
        parts.append(pd.DataFrame({"household_key": to, "DAY": start, "kind": "mailed",
                                   "CAMPAIGN": campaign, "COUPON_UPC": ""}))  # fmt: skip
        later = start + rng.integers(1, 10, len(redeemed))
        parts.append(pd.DataFrame({"household_key": redeemed, "DAY": later, "kind": "redeemed",
                                   "CAMPAIGN": campaign,
                                   "COUPON_UPC": 10_000_000 + campaign}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


_EUROPEAN = """
name: versand
file: {separator: semicolon, decimal: comma}
type: {constant: order_completed}
customer_id: "Kd.-Nr."
order_id: "Beleg Nr"
time: {column: Datum (lokal), format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}
properties: {currency: Währung}
lines: {product_id: Artikel, category: Warengruppe, quantity: Menge, price: "Einzelpreis €/$"}
negative: refund
non_product_codes: [VERSAND]
"""


def european(folder: Path, size: float, seed: int = 3) -> Shop:
    """Odd names, semicolons, comma decimals, local dates day first, two currencies, returns."""
    rng = np.random.default_rng(seed)
    customers = int(1_500 * size)
    bought = repeating(rng, customers, 900, per_year=4.0)
    zone_free = pd.Timestamp("2023-01-01") + pd.to_timedelta(
        bought["day"] * 24 * 60 + rng.integers(7 * 60, 22 * 60, len(bought)), unit="min"
    )
    pieces = 1 + rng.poisson(1.0, len(bought))
    line = np.repeat(np.arange(len(bought)), pieces)
    who = bought["customer"].to_numpy()[line]
    quantity = 1 + rng.poisson(0.4, len(line))
    price = np.round(rng.gamma(2.0, 18.0, len(line)) + 0.5, 2)
    back = rng.random(len(line)) < 0.06
    table = pd.DataFrame(
        {
            "Beleg Nr": [f"B-{100_000 + n}" for n in line],
            "Kd.-Nr.": [f"K{1 + n}" for n in who],
            "Datum (lokal)": zone_free.to_numpy()[line],
            "Artikel": [f"A{n}" for n in rng.integers(1, 300, len(line))],
            "Warengruppe": rng.choice(["Schuhe", "Hemden; kurz", "Hüte"], len(line)),
            "Menge": quantity,
            "Einzelpreis €/$": price,
            "Währung": np.where(who % 10 == 0, "USD", "EUR"),
        }
    )
    returns = table[back].copy()
    returns["Datum (lokal)"] += pd.Timedelta(days=9)
    returns["Beleg Nr"] = "R" + returns["Beleg Nr"]
    returns["Menge"] *= -1
    shipping = table.drop_duplicates("Beleg Nr").assign(Artikel="Versand", Menge=1)
    shipping["Einzelpreis €/$"] = 4.9
    broken = table.head(7).assign(**{"Datum (lokal)": pd.NaT})
    every = pd.concat([table, returns, shipping, broken], ignore_index=True)
    clean = table.drop_duplicates()
    again = len(every) - len(every.drop_duplicates())
    path = folder / "Umsätze 2023-25.csv"
    text = every.copy()
    text["Datum (lokal)"] = text["Datum (lokal)"].dt.strftime("%d.%m.%Y %H:%M")
    text["Einzelpreis €/$"] = text["Einzelpreis €/$"].map(
        lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
    )
    text.to_csv(path, index=False, sep=";", encoding="cp1252")
    returned = returns.drop_duplicates()
    sold = pd.concat([clean, returned])
    sold["value"] = sold["Menge"] * sold["Einzelpreis €/$"]
    total = sold.groupby("Beleg Nr", sort=False).agg(
        customer=("Kd.-Nr.", "first"), ts=("Datum (lokal)", "min"), value=("value", "sum")
    )
    utc = total["ts"].dt.tz_localize("Europe/Berlin").dt.tz_convert("UTC").dt.tz_localize(None)
    orders = orders_of(total["customer"], utc, total["value"])
    aside = {"non_product_code": len(shipping), "unparseable_time": len(broken)}
    if again:
        aside["duplicate"] = again
    files = (File(path, "csv", _EUROPEAN, kept=len(clean) + len(returned), aside=aside),)
    cases = (Case("2025-03-01", 90),)
    return Shop("european", files, orders, cases, int(orders["customer_id"].nunique()))
