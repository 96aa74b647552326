"""Examples of what ``POST /predict`` answers, as the OpenAPI document shows them."""

from typing import Any

EXAMPLE: dict[str, Any] = {
    "customer_id": "17850",
    "merged_into": None,
    "status": "ok",
    "as_of": "2026-11-21T20:00:00Z",
    "features_as_of": "2026-11-21T19:59:58Z",
    "stale_views": [],
    "churn": {
        "probability": 0.31,
        "band": "medium",
        "horizon_days": 90,
        "extrapolated": False,
        "status": "ok",
        "signals": [
            {
                "code": "purchase_cycle_anomaly",
                "text": "no order for 46 days; usually one every 20 days",
                "value": 46.0,
                "usual": 20.0,
                "unit": "days",
                "since": "2026-11-15T20:00:00Z",
            }
        ],
        "model": "churn:ab12",
    },
    "next_purchase": {
        "probability_7d": 0.08,
        "probability_30d": 0.27,
        "probability_90d": 0.61,
        "label_days": 90,
        "extrapolated": False,
        "expected_at": "2027-01-14T00:00:00Z",
        "low_at": "2026-12-02T00:00:00Z",
        "high_at": "2027-04-01T00:00:00Z",
        "next_categories": [{"category": "lunch bags", "score": 0.42}],
        "next_products": [{"product_id": "sku-1", "score": 0.18, "relation": "repeat"}],
        "items_model": "next_items:ab12",
        "status": "ok",
        "model": "next_purchase:ab12",
    },
    "ltv": {
        "value": 412.5,
        "low": 120.0,
        "high": 980.0,
        "horizon_days": 90,
        "extrapolated": False,
        "currency": "GBP",
        "tier": "high",
        "status": "ok",
        "model": "ltv:ab12",
    },
    "segment": {"name": "loyal_high_value", "priority": "A", "stage": "loyalty", "tags": []},
    "next_best_action": {
        "action_id": "replenishment_email",
        "channel": "email",
        "treatment": "standard",
        "tone": "trust",
        "content_type": "text",
        "items": ["sku-1", "sku-2"],
        "send_at": "2026-11-22T09:00:00Z",
        "expires_at": "2026-11-25T09:00:00Z",
        "score": 3.2,
        "propensity": 0.91,
        "decision_id": "01JD0Z6Y8Q4X1V9T3R5P7N2M6K",
    },
    "reasons": [],
}
EXPLAINED_EXAMPLE: dict[str, Any] = {
    **EXAMPLE,
    "reasons": [
        {
            "head": "churn",
            "code": "overdue",
            "group": "purchase_rhythm",
            "direction": "raises",
            "text": "has not ordered for 2.3× their usual gap (46 days instead of 20 days)",  # noqa: RUF001
            "value": 46.0,
            "usual": 20.0,
            "compared_with": "own",
            "share": 0.38,
            "features": ["cycle_position", "order_recency_days"],
        },
        {
            "head": "churn",
            "code": "order_frequency",
            "group": "order_frequency",
            "direction": "lowers",
            "text": "orders in the last 365 days: 14 orders (typical: 3 orders)",
            "value": 14.0,
            "usual": 3.0,
            "compared_with": "customers",
            "share": 0.21,
            "features": ["orders_365d", "orders_lifetime"],
        },
    ],
}
DEGRADED_EXAMPLE: dict[str, Any] = {
    **EXAMPLE,
    "status": "degraded",
    "degraded": ["freshness", "next_best_action"],
    "features_as_of": "2026-11-21T09:12:31Z",
    "next_best_action": None,
}
MANY_EXAMPLE: dict[str, Any] = {
    "predictions": [
        EXAMPLE,
        {**EXAMPLE, "customer_id": "old-17850", "merged_into": "17850"},
        {"customer_id": "x", "status": "unknown_customer"},
    ]
}
