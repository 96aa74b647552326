"""The names a rule may use, and the kind of each: what segments and actions are written in."""

from collections.abc import Mapping
from typing import Any, Literal

from numpy.typing import NDArray

Kind = Literal["number", "text", "list"]
Columns = Mapping[str, NDArray[Any]]
"""Arrays of n rows by name: float64 (NaN = missing), objects of str | None, or of lists."""

_NUMBERS = """
order_recency_days customer_age_days orders_30d orders_90d orders_180d orders_365d orders_lifetime
net_spend_30d net_spend_90d net_spend_180d net_spend_365d net_spend_lifetime average_order_value
average_order_value_trend order_gap_mean_days order_gap_sd_days cycle_position items_per_order
coupon_use_rate discounted_spend_share return_rate refunds_90d weekend_order_share usual_order_hour
category_count product_count_365d favourite_category_share new_product_share
visit_recency_days tenure_days active_days_30d active_days_90d activity_decline product_views_30d
searches_30d cart_additions_30d cart_abandonment_rate cart_recency_days payment_failed_recency_days
store_share app_share sessions_30d sessions_90d session_minutes_mean session_pages_mean exit_rate
messages_sent_7d messages_sent_30d message_recency_days message_open_rate message_click_rate
promotion_response_rate unsubscribed service_contacts_30d service_contacts_90d contact_rise
contact_recency_days open_tickets sentiment_mean last_score review_rate max_contacts_per_week
subscription_active days_to_term_end
"""
_TEXTS = """
favourite_category country region tier acquisition_source time_zone language currency age_band
subscription_plan
"""
_LISTS = """
last_products top_products open_cart last_viewed reachable_channels withdrawn_channels
withdrawn_purposes
"""


def _kinds(numbers: str = "", texts: str = "", lists: str = "") -> dict[str, Kind]:
    kinds: dict[str, Kind] = dict.fromkeys(numbers.split(), "number")
    kinds |= dict.fromkeys(texts.split(), "text")
    kinds |= dict.fromkeys(lists.split(), "list")
    return kinds


READ_TIME: Mapping[str, Kind] = _kinds(_NUMBERS, _TEXTS, _LISTS)
"""Features as they are read: aged to the moment of the question."""

RFM: Mapping[str, Kind] = _kinds("r f m")
"""Quintile scores 1 (worst) to 5 (best); missing for customers who never ordered."""

FITTED: Mapping[str, Kind] = _kinds("vip_spend_365d")
"""Edges fitted on the whole base, the same for every row."""

SEGMENT: Mapping[str, Kind] = _kinds("", "segment priority stage", "tags")

SCORES: Mapping[str, Kind] = _kinds(
    """churn_probability purchase_probability_7d purchase_probability_30d purchase_probability_90d
    days_to_expected_order ltv_value ltv_low ltv_high""",
    "status churn_band ltv_tier",
)

CONTEXT: Mapping[str, Kind] = _kinds("", "context_channel context_device context_page")
"""What a live request says about the moment; missing in batch."""

SEGMENT_RULES: Mapping[str, Kind] = {**READ_TIME, **RFM, **FITTED}
ACTION_RULES: Mapping[str, Kind] = {**READ_TIME, **RFM, **SEGMENT, **SCORES, **CONTEXT}
