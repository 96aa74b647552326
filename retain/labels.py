"""Labels: what happened to a customer strictly after the moment its features were taken.

A feature at ``as_of`` uses events with ``ts <= as_of``; a label uses ``as_of < ts <= as_of + H``.
Both sides are SQL over the same facts, so that they cannot drift apart.
"""

import pyarrow as pa
import pyarrow.compute as pc

from retain.duck import connected
from retain.standing import GRACE_DAYS

RESPONSE_WINDOW_DAYS = 14

_MICROSECONDS_PER_DAY = 86_400_000_000.0

_OUTCOMES = f"""
    SELECT k.customer_id, k.as_of,
        count(*) FILTER (WHERE o.is_order) = 0 AS churned,
        (epoch_us(min(o.ts) FILTER (WHERE o.is_order)) - epoch_us(k.as_of))
            / {_MICROSECONDS_PER_DAY} AS days_to_order,
        coalesce(sum(o.value / power(1 + $rate,
            (epoch_us(o.ts) - epoch_us(k.as_of)) / (365 * {_MICROSECONDS_PER_DAY}))), 0)::DOUBLE
            AS net_revenue
    FROM keys AS k LEFT JOIN orders AS o ON o.customer_id = k.customer_id
        AND o.ts > k.as_of AND o.ts <= k.as_of + to_days($days)
    GROUP BY k.row, k.customer_id, k.as_of ORDER BY k.row
"""
_INACTIVE = """
    SELECT k.customer_id, k.as_of, count(a.ts) = 0 AS churned
    FROM keys AS k LEFT JOIN told AS a ON a.customer_id = k.customer_id
        AND a.ts > k.as_of AND a.ts <= k.as_of + to_days($days)
    GROUP BY k.row, k.customer_id, k.as_of ORDER BY k.row
"""
# the state at the end of the window, by the rule that says who is in at its beginning
_LAPSED = """
    SELECT k.customer_id, k.as_of, NOT coalesce(
        max_by(s.is_active, (s.ts, s.event_id)) AND coalesce(
            max_by(s.term_end, (s.ts, s.event_id)) FILTER (WHERE s.term_end IS NOT NULL)
                >= k.as_of + to_days($days) - to_days($grace_days), true), false) AS churned
    FROM keys AS k LEFT JOIN told AS s ON s.customer_id = k.customer_id
        AND s.ts <= k.as_of + to_days($days)
    GROUP BY k.row, k.customer_id, k.as_of ORDER BY k.row
"""


def outcomes(
    keys: pa.Table, orders: pa.Table, horizon_days: int, discount_rate_per_year: float = 0.0
) -> pa.Table:
    """What each customer did within ``horizon_days`` after ``as_of``, in the order of ``keys``.

    Args:
        keys: ``customer_id``, ``as_of``.
        orders: ``customer_id``, ``ts``, ``is_order``, ``value``; a refund or cancellation is
            a row with ``is_order`` false and a negative value.
        horizon_days: length of the label's window.
        discount_rate_per_year: what is received ``d`` days after ``as_of`` counts as
            ``value / (1 + rate) ** (d / 365)``.

    Returns:
        ``keys`` with ``churned`` (no order), ``days_to_order`` (null where the next order was
        not within the horizon: right-censored) and ``net_revenue`` (orders less refunds; zero
        for who did nothing, below zero for who only returned).
    """
    return _run(_OUTCOMES, keys, "orders", orders, days=horizon_days, rate=discount_rate_per_year)


def inactive(keys: pa.Table, activity: pa.Table, horizon_days: int) -> pa.Table:
    """Who did nothing at all within ``horizon_days`` after ``as_of``, in the order of ``keys``.

    Args:
        keys: ``customer_id``, ``as_of``.
        activity: ``customer_id``, ``ts`` of what customers did themselves; what was sent to
            them is no activity. The first event after each moment is enough.
        horizon_days: length of the label's window.

    Returns:
        ``keys`` with ``churned``.
    """
    return _run(_INACTIVE, keys, "told", activity, days=horizon_days)


def lapsed(
    keys: pa.Table, subscriptions: pa.Table, horizon_days: int, grace_days: int = GRACE_DAYS
) -> pa.Table:
    """Whose subscription no longer runs ``horizon_days`` after ``as_of``, in the order of ``keys``.

    It does not run when the last word on it is a cancellation, or when its term ended more than
    ``grace_days`` before and was not renewed: what :func:`retain.standing.has_left` says of the
    same customer at that later moment.

    Args:
        keys: ``customer_id``, ``as_of``.
        subscriptions: ``customer_id``, ``ts``, ``event_id``, ``is_active`` (false for a
            cancellation), ``term_end`` (null where it was not told).
        horizon_days: length of the label's window.
        grace_days: how late a renewal may come.

    Returns:
        ``keys`` with ``churned``; true as well for who never had a subscription.
    """
    return _run(_LAPSED, keys, "told", subscriptions, days=horizon_days, grace_days=grace_days)


def responses(
    assignments: pa.Table, orders: pa.Table, window_days: int = RESPONSE_WINDOW_DAYS
) -> pa.Table:
    """Who ordered within ``window_days`` after an assignment, in the order of ``assignments``.

    Args:
        assignments: ``customer_id``, ``as_of`` (the moment of assignment) and any other column.
        orders: as for :func:`outcomes`.
        window_days: how long after the assignment an order counts as its answer.

    Returns:
        ``assignments`` with ``responded``, and ``net_revenue`` of the window.
    """
    found = outcomes(assignments.select(["customer_id", "as_of"]), orders, window_days)
    responded = pc.invert(found.column("churned"))
    revenue = found.column("net_revenue")
    return assignments.append_column("responded", responded).append_column("net_revenue", revenue)


def _run(query: str, keys: pa.Table, name: str, facts: pa.Table, **given: float) -> pa.Table:
    with connected() as connection:
        connection.register("given_keys", keys)
        connection.register(name, facts)
        connection.execute(
            "CREATE TEMP TABLE keys AS SELECT *, row_number() OVER () AS row FROM given_keys"
        )
        result: pa.Table = connection.sql(query, params=given).to_arrow_table()
    return result
