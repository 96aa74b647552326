"""Prices: products whose price moved, and a whole shop whose prices changed their unit."""

from retain.quality.event_source import Events, rows
from retain.quality.findings import Finding, Findings, findings_of
from retain.quality.thresholds import ValueLimits

_LEAST_RECENT = 5
_LEAST_PAST = 10
_LEAST_PRODUCTS = 10
_NAMED = 5


def findings(events: Events, limits: ValueLimits) -> Findings:
    """Products whose median price is a multiple of what it was, per currency.

    Reads what :func:`retain.quality.values.prepare` made. A product is judged from five prices
    of the recent days and ten before, seen in orders, carts and product views.
    """
    prices = rows(events, _QUERY)
    low, high = 1 / limits.price_factor, limits.price_factor
    moved = [row for row in prices if not low < row[3] / row[2] < high]
    if not moved:
        return Findings()
    share = len(moved) / len(prices)
    if len(prices) >= _LEAST_PRODUCTS and share >= limits.price_share:
        middle = sorted(row[3] / row[2] for row in moved)[len(moved) // 2]
        sentence = (
            f"the prices of {len(moved):,} of {len(prices):,} products are {middle:.2g} times what "
            "they were: a changed unit, currency or tax; spend and lifetime value are wrong until "
            "the events are corrected"
        )
        return Findings(
            (Finding("fail", "price", "all products", share, limits.price_share, sentence),)
        )
    found = [
        Finding(
            "warn",
            "price",
            product,
            now / before,
            high,
            f"{product} costs {now:,.2f} {currency or ''}, {before:,.2f} before "
            f"({now / before:.2g} times): check the price, or ignore this where it is meant",
        )
        for product, currency, before, now, _ in moved[:_NAMED]
    ]
    if len(moved) > _NAMED:
        rest = len(moved) - _NAMED
        sentence = f"{rest:,} more products changed their price by {high:g} times or more"
        found.append(Finding("warn", "price", "other products", float(rest), high, sentence))
    return findings_of(found)


_QUERY = f"""
    WITH prices AS (
        SELECT recent, product_id, currency, price FROM order_lines
        UNION ALL
        SELECT recent, properties->>'product_id', upper(properties->>'currency'),
            (properties->>'price')::DOUBLE
        FROM lately WHERE type IN ('product_viewed', 'product_added')
    )
    SELECT product_id, currency, median(price) FILTER (WHERE NOT recent) AS before,
        median(price) FILTER (WHERE recent) AS now, count(*) AS seen
    FROM prices WHERE price > 0 AND product_id IS NOT NULL
    GROUP BY product_id, currency
    HAVING count(*) FILTER (WHERE recent) >= {_LEAST_RECENT}
        AND count(*) FILTER (WHERE NOT recent) >= {_LEAST_PAST}
    ORDER BY seen DESC, product_id
"""
