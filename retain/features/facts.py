"""Typed facts, read once from the event log's JSON and independent of any ``as_of``.

A window function in here only looks back in time, so that a fact never knows its future.
Money is DECIMAL: its sums are exact and do not depend on the order of rows, which is what
makes a batch over ten million customers equal to a read of one.
"""

# the types of the events that each fact is made of, whatever else an event must have for it
_SALES = "type IN ('order_completed', 'order_refunded', 'order_cancelled')"
_ACTIVITY = """type NOT LIKE 'message_%' AND type NOT IN (
                'experiment_viewed', 'order_refunded', 'identity_linked', 'identity_unlinked',
                'profile_updated', 'tier_changed', 'points_changed')"""
_CART = """type IN ('product_added', 'product_removed',
            'product_viewed', 'order_completed', 'payment_failed')"""
_MESSAGES = """(type LIKE 'message_%'
            OR type IN ('promotion_viewed', 'promotion_joined', 'consent_given'))"""
_SERVICE = """type IN ('ticket_opened', 'ticket_closed',
            'call_logged', 'chat_ended', 'consultation_requested', 'review_submitted',
            'survey_submitted', 'nps_submitted')"""
_PROFILE = """(type IN ('signed_up', 'profile_updated',
            'preferences_updated', 'tier_changed', 'consent_given', 'consent_withdrawn')
            OR type LIKE 'subscription_%')"""
TYPES: dict[str, str] = {
    "fact_orders": _SALES,
    "fact_lines": _SALES,
    "fact_activity": _ACTIVITY,
    "fact_cart": _CART,
    "fact_messages": _MESSAGES,
    "fact_service": _SERVICE,
    "fact_profile": _PROFILE,
}

FACTS: dict[str, str] = {
    # an order that is told again within a day, under another event id, is one order
    "fact_sales": f"""
        SELECT * FROM (
            SELECT customer_id, ts, event_id, type, properties, coalesce(
                type = 'order_completed' AND lag(ts) OVER (
                    PARTITION BY customer_id, type, properties->>'order_id'
                    ORDER BY ts, event_id) > ts - INTERVAL 1 DAY
                AND (properties->>'order_id') IS NOT NULL, false) AS is_repeat
            FROM events
            WHERE {_SALES}
                AND customer_id IS NOT NULL
        ) WHERE NOT is_repeat
    """,
    "fact_orders": """
        SELECT customer_id, ts, event_id, type = 'order_completed' AS is_order,
            TRY_CAST(CASE WHEN type = 'order_completed' THEN 1 ELSE -1 END
                * (properties->>'total')::DOUBLE AS DECIMAL(18, 4)) AS value,
            (properties->>'coupon') IS NOT NULL AS has_coupon,
            upper(properties->>'currency') AS currency,
            CASE WHEN type = 'order_completed' THEN (epoch_us(ts) - lag(epoch_us(ts)) OVER (
                PARTITION BY customer_id, type ORDER BY ts, event_id)) // 1000000 END AS gap_seconds
        FROM fact_sales
    """,
    "fact_lines": """
        SELECT customer_id, ts, event_id, position, line.product_id AS product_id,
            coalesce(line.category, 'unknown') AS category,
            TRY_CAST(coalesce(line.quantity, 1) AS DECIMAL(18, 4)) AS quantity,
            TRY_CAST(coalesce(line.quantity, 1) * coalesce(line.price, 0)
                - coalesce(line.discount, 0) AS DECIMAL(18, 4)) AS value,
            coalesce(line.discount, 0) > 0 AS is_discounted,
            row_number() OVER (PARTITION BY customer_id, line.product_id
                ORDER BY ts, event_id, position) = 1 AS is_new_product
        FROM (
            SELECT customer_id, ts, event_id, unnest(lines) AS line,
                generate_subscripts(lines, 1) AS position
            FROM (
                SELECT customer_id, ts, event_id, from_json(properties->'lines',
                    '[{"product_id": "VARCHAR", "category": "VARCHAR", "quantity": "DOUBLE",
                       "price": "DOUBLE", "discount": "DOUBLE"}]') AS lines
                FROM fact_sales
                WHERE type = 'order_completed'
            )
        )
    """,
    # what the customer did: messages sent to them and assignments made for them are not theirs
    "fact_activity": f"""
        SELECT *, coalesce(session_id, 'gap-' || sum(starts) OVER (
            PARTITION BY customer_id ORDER BY ts, event_id
            ROWS UNBOUNDED PRECEDING)) AS session_key
        FROM (
            SELECT customer_id, ts, event_id, type, session_id, lower(channel) AS channel,
                CASE WHEN lag(ts) OVER (PARTITION BY customer_id ORDER BY ts, event_id)
                    > ts - INTERVAL 30 MINUTE THEN 0 ELSE 1 END AS starts,
                coalesce(lag(ts) OVER (PARTITION BY customer_id ORDER BY ts, event_id)::DATE
                    < ts::DATE, true) AS starts_day
            FROM events
            WHERE customer_id IS NOT NULL AND {_ACTIVITY}
        )
    """,
    "fact_cart": f"""
        SELECT customer_id, ts, event_id, type, properties->>'product_id' AS product_id,
            type = 'product_viewed' AS is_view
        FROM events
        WHERE customer_id IS NOT NULL AND {_CART}
    """,
    "fact_messages": f"""
        SELECT customer_id, ts, event_id, type, lower(channel) AS channel,
            coalesce(properties->>'message_id', event_id) AS message_id
        FROM events
        WHERE customer_id IS NOT NULL AND {_MESSAGES}
    """,
    "fact_service": f"""
        SELECT customer_id, ts, event_id, type,
            coalesce(properties->>'ticket_id', event_id) AS ticket_id,
            (properties->>'ticket_id') IS NOT NULL AS is_named,
            (properties->>'score')::DOUBLE AS score,
            TRY_CAST((properties->>'sentiment')::DOUBLE AS DECIMAL(18, 4)) AS sentiment
        FROM events
        WHERE customer_id IS NOT NULL AND {_SERVICE}
    """,
    # nobody is profiled on one channel alone: where they said so is not what they said
    "fact_profile": f"""
        SELECT customer_id, ts, event_id, type,
            CASE WHEN lower(properties->>'purpose') = 'profiling' THEN NULL
                ELSE lower(channel) END AS channel,
            properties->>'country' AS country, properties->>'region' AS region,
            properties->>'tier' AS tier, properties->>'time_zone' AS time_zone,
            properties->>'language' AS language, upper(properties->>'currency') AS currency,
            properties->>'age_band' AS age_band,
            properties->>'acquisition_source' AS acquisition_source,
            from_json(properties->'channels', '["VARCHAR"]') AS channels,
            (properties->>'max_contacts_per_week')::DOUBLE AS max_contacts_per_week,
            lower(properties->>'purpose') AS purpose,
            properties->>'plan' AS plan,
            try_cast(properties->>'term_end' AS TIMESTAMPTZ) AS term_end
        FROM events
        WHERE customer_id IS NOT NULL AND {_PROFILE}
    """,
}
