"""The SQL behind each reason to flag a customer: who, whether known, value, threshold."""

from retain.quality.event_source import Events
from retain.quality.thresholds import CustomerLimits, Reason

_BROWSING = "ends_with(type, '_viewed') OR type IN ('searched', 'product_impression')"


def prepare(events: Events, limits: CustomerLimits) -> None:
    """The relations the checks read: customer days, orders and sessions of the window."""
    events.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE customer_days AS
        SELECT coalesce(customer_id, anonymous_id) AS who,
            bool_or(customer_id IS NOT NULL) AS known,
            ts::DATE AS day, any_value(lower(source)) AS source,
            count(*) FILTER (WHERE type <> 'experiment_viewed' AND ({_BROWSING})) AS views,
            count(*) FILTER (WHERE type = 'order_completed') AS orders,
            count(*) FILTER (WHERE type = 'payment_failed') AS failed_payments
        FROM events
        WHERE coalesce(customer_id, anonymous_id) IS NOT NULL
        GROUP BY coalesce(customer_id, anonymous_id), ts::DATE
        """
    )
    events.execute(
        """
        CREATE OR REPLACE TEMP TABLE customer_orders AS
        SELECT customer_id AS who, coalesce(upper(properties->>'currency'), '') AS currency,
            (properties->>'total')::DOUBLE AS total,
            list_sum((properties->'$.lines[*].quantity')::DOUBLE[]) AS items
        FROM events
        WHERE type = 'order_completed' AND customer_id IS NOT NULL
        """
    )
    events.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE customer_sessions AS
        SELECT coalesce(customer_id, anonymous_id) AS who,
            bool_or(customer_id IS NOT NULL) AS known,
            count(*) AS events, (max(age) - min(age)) / 1e6 AS seconds
        FROM events
        WHERE session_id IS NOT NULL
            AND coalesce(customer_id, anonymous_id) IS NOT NULL
        GROUP BY coalesce(customer_id, anonymous_id), session_id
        HAVING count(*) >= {limits.session_events}
        """
    )


def checks(limits: CustomerLimits) -> list[tuple[Reason, str, str]]:
    """Reason, wording of (value, threshold), and query; of one reason the weightiest first."""
    return [
        (
            "bot",
            "viewed {0:,.0f} pages on one day without an order (limit {1:,.0f})",
            _bots(limits),
        ),
        (
            "fast_session",
            "made {0:,.1f} events a second through a whole session (limit {1:,.1f})",
            _fast_sessions(limits),
        ),
        (
            "bulk_buyer",
            "spent {0:,.0f}; above {1:,.0f} one customer outweighs the rest",
            _above(
                "SELECT who, currency, sum(total) AS amount FROM customer_orders GROUP BY ALL",
                limits.spend_factor,
                limits.least_buyers,
            ),
        ),
        (
            "bulk_buyer",
            "placed one order worth {0:,.0f} (limit {1:,.0f})",
            _above(
                "SELECT who, currency, total AS amount FROM customer_orders",
                limits.order_value_factor,
                limits.least_buyers,
            ),
        ),
        (
            "bulk_buyer",
            "ordered {0:,.0f} items at once (limit {1:,.0f})",
            _above(
                "SELECT who, '' AS currency, items AS amount FROM customer_orders",
                limits.order_items_factor,
                limits.least_buyers,
            ),
        ),
        (
            "many_orders",
            "placed {0:,.0f} orders on one day (limit {1:,.0f}): a reseller, or fraud",
            _most_a_day("orders", limits.orders_per_day, limits.orders_factor),
        ),
        (
            "card_testing",
            "failed {0:,.0f} payments on one day (limit {1:,.0f}): stolen cards are tried",
            _most_a_day("failed_payments", limits.failed_payments_per_day, 0),
        ),
        (
            "zero_orders",
            "placed {0:,.0f} orders, all worth nothing (from {1:,.0f}): staff or a test",
            _zero_orders(limits),
        ),
        ("test_customer", "has the id or the source of a test", _tests(limits)),
    ]


def _bots(limits: CustomerLimits) -> str:
    return f"""
        WITH usual AS (
            SELECT greatest({limits.views_per_day},
                {limits.views_factor} * quantile_disc(views, 0.99)) AS threshold
            FROM customer_days WHERE views > 0
        )
        SELECT who, bool_or(known), max(views) AS value, threshold
        FROM customer_days, usual
        WHERE views > threshold
        GROUP BY who, threshold HAVING sum(orders) = 0
        ORDER BY value DESC, who
    """


def _fast_sessions(limits: CustomerLimits) -> str:
    # a session in no time at all is a record without times, not a fast visitor
    return f"""
        SELECT who, bool_or(known), max(events / seconds) AS value,
            {limits.session_events_per_second} AS threshold
        FROM customer_sessions
        WHERE seconds > 0 AND events / seconds > {limits.session_events_per_second}
        GROUP BY who ORDER BY value DESC, who
    """


def _above(amounts: str, factor: float, least: int) -> str:
    return f"""
        WITH amounts AS ({amounts}), usual AS (
            SELECT currency, {factor} * quantile_disc(amount, 0.99) AS threshold
            FROM amounts WHERE amount > 0
            GROUP BY currency HAVING count(DISTINCT who) >= {least}
        )
        SELECT who, true, max(amount) AS value, arg_max(threshold, amount)
        FROM amounts JOIN usual USING (currency)
        WHERE amount > threshold
        GROUP BY who ORDER BY value DESC, who
    """


def _most_a_day(column: str, least: int, factor: float) -> str:
    return f"""
        WITH usual AS (
            SELECT greatest({least}, {factor} * quantile_disc({column}, 0.99)) AS threshold
            FROM customer_days WHERE {column} > 0
        )
        SELECT who, bool_or(known), max({column}) AS value, threshold
        FROM customer_days, usual WHERE {column} > threshold
        GROUP BY who, threshold ORDER BY value DESC, who
    """


def _zero_orders(limits: CustomerLimits) -> str:
    # in a shop that sends no amounts every order is worth nothing, and nobody is abnormal
    return f"""
        SELECT who, true, count(*) AS value, {limits.zero_orders}
        FROM customer_orders
        WHERE (SELECT avg((total = 0)::INTEGER) FROM customer_orders) < 0.5
        GROUP BY who HAVING count(*) >= {limits.zero_orders} AND max(total) = 0
        ORDER BY value DESC, who
    """


def _tests(limits: CustomerLimits) -> str:
    sources = ", ".join(_quoted(source.lower()) for source in limits.test_sources) or "NULL"
    return f"""
        SELECT who, bool_or(known), 1, 0 FROM customer_days
        WHERE regexp_matches(lower(who), {_quoted(limits.test_ids)})
            OR source IN ({sources})
        GROUP BY who ORDER BY who
    """


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
