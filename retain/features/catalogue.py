"""Every feature of Retain. To add one, add a line here: nothing else changes.

The feature views, Feast's objects, the models' vectors and the catalogue in the docs are all
made from this list. The lines are long on purpose: one feature, one line.
"""
# ruff: noqa: E501
# fmt: off

from retain.features.feature import Feature, Ratio

F = Feature
WINDOWS = (30, 90, 180, 365)

_ORDERS = "count(*) FILTER (WHERE is_order)"
_ORDERED = "(sum(value) FILTER (WHERE is_order))::DOUBLE"
_GAPS = "count(gap_seconds)"
_VARIANCE = f"(sum(gap_seconds::HUGEINT * gap_seconds) - sum(gap_seconds)::DOUBLE * sum(gap_seconds) / {_GAPS})"
_CONTACT = "type IN ('ticket_opened', 'call_logged', 'chat_ended', 'consultation_requested')"
_REVIEW = "type IN ('review_submitted', 'survey_submitted', 'nps_submitted')"
_SENT = "count(DISTINCT message_id) FILTER (WHERE type = 'message_sent')"

_HOUR_OF_WEEK = "((isodow(ts) - 1) * 24 + hour(ts))"


def _hours(condition: str) -> str:
    """The hours of the week in which most such rows lie, up to 24 of them."""
    counts = f"map_entries(histogram({_HOUR_OF_WEEK}) FILTER (WHERE {condition}))"
    most = f"list_reverse_sort(list_transform({counts}, lambda e: {{'n': e.value, 'hour': e.key}}))"
    return f"list_transform({most}[:24], lambda e: e.hour || ' ' || e.n)"


_MESSAGES_TOLD = "list(DISTINCT {'channel': channel, 'type': type, 'id': message_id}) FILTER (WHERE channel IS NOT NULL AND type IN ('message_sent', 'message_opened', 'message_clicked'))"
_BY_CHANNEL = f"list_aggregate(list_transform({_MESSAGES_TOLD}, lambda m: m.channel || ' ' || substr(m.type, 9)), 'histogram')"
_CHANNELS = f"list_transform(map_entries({_BY_CHANNEL}), lambda e: e.key || ' ' || e.value)"

FEATURES: tuple[F, ...] = (
    # orders
    F("order_recency_days", "orders", "max(ts) FILTER (WHERE is_order)", "time since the last order", "days", "since"),
    F("customer_age_days", "orders", "min(ts) FILTER (WHERE is_order)", "time since the first order", "days", "since"),
    *(F(f"orders_{d}d", "orders", f"count(*) FILTER (WHERE is_order AND @{d})", f"orders in the last {d} days (frequency)", "orders", null_default=0) for d in WINDOWS),
    F("orders_lifetime", "orders", _ORDERS, "orders ever", "orders", null_default=0),
    *(F(f"net_spend_{d}d", "orders", f"sum(value) FILTER (WHERE @{d})", f"spend net of returns in the last {d} days (monetary value)", "currency", null_default=0) for d in WINDOWS),
    F("net_spend_lifetime", "orders", "sum(value)", "spend net of returns ever", "currency", null_default=0),
    F("average_order_value", "orders", f"{_ORDERED} / nullif({_ORDERS}, 0)", "mean value of an order, before returns", "currency"),
    F("average_order_value_trend", "orders", f"((sum(value) FILTER (WHERE is_order AND @90))::DOUBLE / nullif(count(*) FILTER (WHERE is_order AND @90), 0)) / nullif({_ORDERED} / nullif({_ORDERS}, 0), 0)", "mean order value of the last 90 days over that of all time", "ratio"),
    F("order_gap_mean_days", "orders", f"sum(gap_seconds)::DOUBLE / nullif({_GAPS}, 0) / 86400", "mean time between two orders: the purchase cycle", "days"),
    F("order_gap_sd_days", "orders", f"CASE WHEN {_GAPS} > 1 THEN sqrt(greatest({_VARIANCE}, 0) / ({_GAPS} - 1)) / 86400 END", "spread of the time between two orders", "days"),
    F("coupon_use_rate", "orders", f"count(*) FILTER (WHERE is_order AND has_coupon)::DOUBLE / nullif({_ORDERS}, 0)", "share of orders paid with a coupon", "share"),
    F("return_rate", "orders", f"-(sum(value) FILTER (WHERE NOT is_order))::DOUBLE / nullif({_ORDERED}, 0)", "value returned or cancelled over value ordered", "share", null_default=0),
    F("refunds_90d", "orders", "count(*) FILTER (WHERE NOT is_order AND @90)", "returns and cancellations in the last 90 days", "refunds", null_default=0),
    F("weekend_order_share", "orders", f"count(*) FILTER (WHERE is_order AND isodow(ts) > 5)::DOUBLE / nullif({_ORDERS}, 0)", "share of orders placed on Saturday or Sunday (UTC)", "share"),
    F("usual_order_hour", "orders", "max_by(hour(ts), hour_orders * 24 + hour(ts)) FILTER (WHERE is_order)", "hour of the day with the most orders (UTC)", "hour"),
    F("order_currency", "orders", "max_by(currency, (ts, event_id)) FILTER (WHERE currency IS NOT NULL)", "currency of the last order", "code", "text"),
    # lines
    F("items_per_order", "lines", "sum(quantity)::DOUBLE / nullif(count(DISTINCT event_id), 0)", "mean number of items in an order", "items"),
    F("discounted_spend_share", "lines", "(sum(value) FILTER (WHERE is_discounted))::DOUBLE / nullif(sum(value)::DOUBLE, 0)", "share of spend bought at a discount", "share"),
    F("category_count", "lines", "count(DISTINCT category)", "categories ever bought from", "categories", null_default=0),
    F("product_count_365d", "lines", "count(DISTINCT product_id) FILTER (WHERE @365)", "products bought in the last 365 days", "products", null_default=0),
    F("new_product_share", "lines", "count(*) FILTER (WHERE is_new_product AND product_id IS NOT NULL AND @180)::DOUBLE / nullif(count(product_id) FILTER (WHERE @180), 0)", "share of the order lines of the last 180 days that were new to the customer", "share"),
    F("favourite_category", "lines", "max_by(category, (category_value, category))", "category with the highest spend", "category", "text"),
    F("favourite_category_share", "lines", "max(category_value)::DOUBLE / nullif(sum(value)::DOUBLE, 0)", "share of spend in the favourite category", "share"),
    F("last_products", "lines", "list(product_id ORDER BY ts DESC, event_id DESC, position) FILTER (WHERE is_latest_of_product AND product_id IS NOT NULL)[:10]", "products bought last, newest first", "ids", "texts"),
    F("top_products", "lines", "list(product_id ORDER BY product_quantity DESC, product_id) FILTER (WHERE is_latest_of_product AND product_id IS NOT NULL)[:10]", "products bought most", "ids", "texts"),
    F("bought_products", "lines", "list(product_lines || ' ' || ts::DATE || ' ' || product_id ORDER BY product_lines DESC, ts DESC, product_id) FILTER (WHERE is_latest_of_product AND product_id IS NOT NULL)[:30]", "products bought most often: how many times, when last (UTC), which", "texts", "texts"),
    F("bought_categories", "lines", "list(category_lines || ' ' || ts::DATE || ' ' || category ORDER BY category_lines DESC, ts DESC, category) FILTER (WHERE is_latest_of_category AND category <> 'unknown')[:10]", "categories bought from most often: how many times, when last (UTC), which", "texts", "texts"),
    # activity
    F("visit_recency_days", "activity", "max(ts)", "time since the last activity of any kind", "days", "since"),
    F("tenure_days", "activity", "min(ts)", "time since the first activity of any kind", "days", "since"),
    F("active_hours", "activity", _hours("starts = 1"), "hours of the week (UTC, 0 is Monday 0 to 1 o'clock) in which visits began most: `hour times`", "texts", "texts"),
    *(F(f"active_days_{d}d", "activity", f"count(*) FILTER (WHERE starts_day AND @{d})", f"days (UTC) whose first activity was in the last {d} days", "days", null_default=0) for d in (30, 90)),
    F("activity_decline", "activity", "3.0 * count(*) FILTER (WHERE @30) / nullif(count(*) FILTER (WHERE @120 AND NOT @30), 0)", "activity of the last 30 days over the rate of the 90 days before; below 1 is a decline", "ratio"),
    F("product_views_30d", "activity", "count(*) FILTER (WHERE type = 'product_viewed' AND @30)", "products viewed in the last 30 days", "views", null_default=0),
    F("searches_30d", "activity", "count(*) FILTER (WHERE type = 'searched' AND @30)", "searches in the last 30 days", "searches", null_default=0),
    F("store_share", "activity", "count(*) FILTER (WHERE channel = 'store' OR type = 'store_visited')::DOUBLE / nullif(count(*), 0)", "share of activity in a shop", "share"),
    F("app_share", "activity", "count(*) FILTER (WHERE channel = 'app')::DOUBLE / nullif(count(*), 0)", "share of activity in the app", "share"),
    # sessions
    *(F(f"sessions_{d}d", "sessions", f"count(*) FILTER (WHERE @{d})", f"sessions in the last {d} days", "sessions", null_default=0) for d in (30, 90)),
    F("session_minutes_mean", "sessions", "sum(seconds) FILTER (WHERE @180)::DOUBLE / nullif(count(*) FILTER (WHERE @180), 0) / 60", "mean length of the sessions of the last 180 days", "minutes"),
    F("session_pages_mean", "sessions", "sum(pages) FILTER (WHERE @180)::DOUBLE / nullif(count(*) FILTER (WHERE @180), 0)", "mean number of pages seen in a session of the last 180 days", "pages"),
    F("exit_rate", "sessions", "count(*) FILTER (WHERE actions = 1 AND @180)::DOUBLE / nullif(count(*) FILTER (WHERE @180), 0)", "share of the sessions of the last 180 days that ended on their first page", "share"),
    F("cart_abandonment_rate", "sessions", "count(*) FILTER (WHERE has_cart AND NOT has_order)::DOUBLE / nullif(count(*) FILTER (WHERE has_cart), 0)", "share of sessions with a cart that did not order", "share"),
    # cart
    F("cart_additions_30d", "cart", "count(*) FILTER (WHERE type = 'product_added' AND @30)", "products put in the cart in the last 30 days", "additions", null_default=0),
    F("cart_recency_days", "cart", "max(ts) FILTER (WHERE type = 'product_added')", "time since something was last put in the cart", "days", "since"),
    F("payment_failed_recency_days", "cart", "max(ts) FILTER (WHERE type = 'payment_failed' AND ts >= coalesce(last_order_ts, ts))", "time since a payment failed that no order followed", "days", "since"),
    F("last_viewed", "cart", "list(product_id ORDER BY ts DESC, event_id DESC) FILTER (WHERE is_latest_of_product AND is_view AND @90)[:10]", "products viewed last in 90 days, newest first", "ids", "texts"),
    F("open_cart", "cart", "list(product_id ORDER BY ts DESC, event_id DESC) FILTER (WHERE is_latest_of_product AND type = 'product_added' AND ts > coalesce(last_order_ts, ts - INTERVAL 1 DAY))[:10]", "products in the cart that were neither ordered nor removed", "ids", "texts"),
    # messages
    *(F(f"messages_sent_{d}d", "messages", f"count(DISTINCT message_id) FILTER (WHERE type = 'message_sent' AND @{d})", f"messages sent to the customer in the last {d} days", "messages", null_default=0) for d in (7, 30)),
    F("message_recency_days", "messages", "max(ts) FILTER (WHERE type = 'message_sent')", "time since the last message to the customer", "days", "since"),
    F("message_open_rate", "messages", f"count(DISTINCT message_id) FILTER (WHERE type IN ('message_opened', 'message_clicked'))::DOUBLE / nullif({_SENT}, 0)", "share of messages opened", "share"),
    F("message_click_rate", "messages", f"count(DISTINCT message_id) FILTER (WHERE type = 'message_clicked')::DOUBLE / nullif({_SENT}, 0)", "share of messages clicked", "share"),
    F("channel_history", "messages", _CHANNELS, "messages sent, opened and clicked by channel: `channel sent 12`", "texts", "texts"),
    F("response_hours", "messages", _hours("type IN ('message_opened', 'message_clicked')"), "hours of the week (UTC, 0 is Monday 0 to 1 o'clock) in which messages were opened or clicked most: `hour times`", "texts", "texts"),
    F("promotion_response_rate", "messages", "count(*) FILTER (WHERE type = 'promotion_joined')::DOUBLE / nullif(count(*) FILTER (WHERE type = 'promotion_viewed'), 0)", "promotions joined over promotions seen", "share"),
    F(
        "unsubscribed",
        "messages",
        "coalesce(max(ts) FILTER (WHERE type IN ('message_unsubscribed', 'message_complained')) > coalesce(max(ts) FILTER (WHERE type = 'consent_given'), 'epoch'::TIMESTAMPTZ), false)::INTEGER",
        "whether the customer unsubscribed or complained and did not consent again",
        "flag",
        null_default=0,
    ),
    # service
    *(F(f"service_contacts_{d}d", "service", f"count(*) FILTER (WHERE {_CONTACT} AND @{d})", f"tickets, calls and chats in the last {d} days", "contacts", null_default=0) for d in (30, 90)),
    F("contact_rise", "service", f"3.0 * count(*) FILTER (WHERE {_CONTACT} AND @30) / nullif(count(*) FILTER (WHERE {_CONTACT} AND @120 AND NOT @30), 0)", "contacts of the last 30 days over the rate of the 90 days before", "ratio"),
    F("contact_recency_days", "service", f"max(ts) FILTER (WHERE {_CONTACT})", "time since the last contact with service", "days", "since"),
    F("contacts_since_days", "service", f"min(ts) FILTER (WHERE {_CONTACT} AND @30)", "time since the first contact of the last 30 days", "days", "since"),
    F("open_tickets", "service", "greatest(count(*) FILTER (WHERE type = 'ticket_opened' AND is_latest_of_ticket) - count(*) FILTER (WHERE type = 'ticket_closed' AND NOT is_named), 0)", "tickets not closed since they were opened", "tickets", null_default=0),
    F("sentiment_mean", "service", "(sum(sentiment) FILTER (WHERE @180))::DOUBLE / nullif(count(sentiment) FILTER (WHERE @180), 0)", "mean sentiment of the contacts of the last 180 days", "score"),
    F("last_score", "service", f"max_by(score, (ts, event_id)) FILTER (WHERE {_REVIEW} AND score IS NOT NULL)", "last review, survey or NPS score", "score"),
    F("reviews_lifetime", "service", f"count(*) FILTER (WHERE {_REVIEW})", "reviews, surveys and NPS answers ever", "reviews", null_default=0),
    # profile
    F("country", "profile", "max_by(country, (ts, event_id)) FILTER (WHERE country IS NOT NULL)", "country", "text", "text"),
    F("region", "profile", "max_by(region, (ts, event_id)) FILTER (WHERE region IS NOT NULL)", "region", "text", "text"),
    F("tier", "profile", "max_by(tier, (ts, event_id)) FILTER (WHERE tier IS NOT NULL)", "membership tier", "text", "text"),
    F("time_zone", "profile", "max_by(time_zone, (ts, event_id)) FILTER (WHERE time_zone IS NOT NULL)", "IANA time zone", "text", "text"),
    F("language", "profile", "max_by(language, (ts, event_id)) FILTER (WHERE language IS NOT NULL)", "language", "text", "text"),
    F("age_band", "profile", "max_by(age_band, (ts, event_id)) FILTER (WHERE age_band IS NOT NULL)", "age band", "text", "text"),
    F("profile_currency", "profile", "max_by(currency, (ts, event_id)) FILTER (WHERE currency IS NOT NULL)", "the customer's own currency", "code", "text"),
    F("acquisition_source", "profile", "min_by(acquisition_source, (ts, event_id)) FILTER (WHERE acquisition_source IS NOT NULL)", "where the customer first came from", "text", "text"),
    F("reachable_channels", "profile", "max_by(channels, (ts, event_id)) FILTER (WHERE channels IS NOT NULL)", "channels the customer can be reached on", "channels", "texts"),
    F("max_contacts_per_week", "profile", "max_by(max_contacts_per_week, (ts, event_id)) FILTER (WHERE max_contacts_per_week IS NOT NULL)", "the customer's own limit of contacts", "contacts"),
    F("withdrawn_channels", "profile", "list(DISTINCT channel ORDER BY channel) FILTER (WHERE type = 'consent_withdrawn' AND is_latest_consent AND channel IS NOT NULL)", "channels consent was withdrawn for", "channels", "texts"),
    F("withdrawn_purposes", "profile", "list(DISTINCT coalesce(purpose, 'all') ORDER BY coalesce(purpose, 'all')) FILTER (WHERE type = 'consent_withdrawn' AND is_latest_consent AND channel IS NULL)", "purposes consent was withdrawn for", "purposes", "texts"),
    F("subscription_active", "profile", "(max_by(type, (ts, event_id)) FILTER (WHERE type LIKE 'subscription_%') <> 'subscription_cancelled')::INTEGER", "whether the last word on the subscription was not a cancellation", "flag", null_default=0),
    F("days_to_term_end", "profile", "max_by(term_end, (ts, event_id)) FILTER (WHERE term_end IS NOT NULL)", "time until the subscription's term ends; negative after it", "days", "until"),
    F("subscription_changed_days", "profile", "max(ts) FILTER (WHERE type LIKE 'subscription_%')", "time since the subscription was started, renewed or cancelled", "days", "since"),
    F("subscription_plan", "profile", "max_by(plan, (ts, event_id)) FILTER (WHERE plan IS NOT NULL)", "subscription plan", "text", "text"),
)

RATIOS: tuple[Ratio, ...] = (Ratio("cycle_position", "order_recency_days", "order_gap_mean_days", "time since the last order over the usual gap: the purchase-cycle anomaly"), Ratio("review_rate", "reviews_lifetime", "orders_lifetime", "reviews, surveys and NPS answers per order"))
