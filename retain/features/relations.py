"""The prepared relations that features aggregate: facts known at each (customer, as_of).

Every relation has ``customer_id``, ``as_of`` and ``ts``, and only rows with ``ts <= as_of``.
``mine`` is the window over one customer's rows at one moment.
"""

from retain.features.feature import within

_KNOWN = "FROM {fact} AS f JOIN keys AS k ON f.customer_id = k.customer_id AND f.ts <= k.as_of"

RELATIONS: dict[str, str] = {
    "orders": f"""
        SELECT f.*, k.as_of, count(*) FILTER (WHERE is_order) OVER (mine, hour(ts)) AS hour_orders
        {_KNOWN.format(fact="fact_orders")}
    """,
    "lines": f"""
        SELECT f.*, k.as_of,
            sum(value) OVER (mine, category) AS category_value,
            sum(quantity) OVER (mine, product_id) AS product_quantity,
            count(*) OVER (mine, product_id) AS product_lines,
            count(*) OVER (mine, category) AS category_lines,
            row_number() OVER (mine, category ORDER BY ts DESC, event_id DESC, position) = 1
                AS is_latest_of_category,
            row_number() OVER (mine, product_id ORDER BY ts DESC, event_id DESC, position) = 1
                AS is_latest_of_product
        {_KNOWN.format(fact="fact_lines")}
    """,
    "activity": f"SELECT f.*, k.as_of {_KNOWN.format(fact='fact_activity')}",
    "sessions": f"""
        SELECT k.customer_id, k.as_of, max(ts) AS ts, count(*) AS actions,
            count(*) FILTER (WHERE ends_with(type, '_viewed')) AS pages,
            (epoch_us(max(ts)) - epoch_us(min(ts))) // 1000000 AS seconds,
            bool_or(type = 'product_added') AS has_cart,
            bool_or(type = 'order_completed') AS has_order
        {_KNOWN.format(fact="fact_activity")}
        GROUP BY k.customer_id, k.as_of, session_key
    """,
    # views older than the window of the one feature that lists them are left out: they are many
    "cart": f"""
        SELECT f.*, k.as_of,
            product_id IS NOT NULL AND row_number() OVER (mine, is_view, product_id
                ORDER BY ts DESC, event_id DESC) = 1 AS is_latest_of_product,
            max(ts) FILTER (WHERE type = 'order_completed') OVER (mine) AS last_order_ts
        {_KNOWN.format(fact="fact_cart")}
        WHERE NOT is_view OR {within(90)}
    """,
    "messages": f"SELECT f.*, k.as_of {_KNOWN.format(fact='fact_messages')}",
    "service": f"""
        SELECT f.*, k.as_of, row_number() OVER (
            mine, ticket_id, type IN ('ticket_opened', 'ticket_closed')
            ORDER BY ts DESC, type, event_id DESC) = 1 AS is_latest_of_ticket
        {_KNOWN.format(fact="fact_service")}
    """,
    "profile": f"""
        SELECT f.*, k.as_of,
            type LIKE 'consent_%' AND row_number() OVER (
                mine, type LIKE 'consent_%', coalesce(purpose, 'all'), channel
                ORDER BY ts DESC, event_id DESC) = 1 AS is_latest_consent
        {_KNOWN.format(fact="fact_profile")}
    """,
}

RELATIONS = {
    name: sql.replace("mine,", "PARTITION BY k.customer_id, k.as_of,").replace(
        "(mine", "(PARTITION BY k.customer_id, k.as_of"
    )
    for name, sql in RELATIONS.items()
}
