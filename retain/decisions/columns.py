"""Scores as the columns that action rules read: features, scores and segments by name."""

import numpy as np

from retain.clock import MICROSECONDS_PER_DAY
from retain.columns import Columns, Over
from retain.decisions.eligibility import STALE_FEATURES
from retain.scoring import Scores


def of_scores(scores: Scores) -> Columns:
    """Every column of :data:`retain.columns.ACTION_RULES` but the context's, n rows each.

    Where somebody's profile or orders are too old, also who: see
    :mod:`retain.decisions.eligibility`.
    """
    stale = {} if scores.undecidable is None else {STALE_FEATURES: scores.undecidable}
    ahead = (scores.expected_at - scores.as_of) / np.timedelta64(1, "us")
    scored = {
        **stale,
        **scores.segments.columns(),
        "churn_probability": scores.churn_probability,
        "purchase_probability_7d": scores.purchase_7d,
        "purchase_probability_30d": scores.purchase_30d,
        "purchase_probability_90d": scores.purchase_90d,
        "days_to_expected_order": ahead / MICROSECONDS_PER_DAY,
        "ltv_value": scores.ltv_value,
        "ltv_low": scores.ltv_low,
        "ltv_high": scores.ltv_high,
        "status": np.array(scores.status, dtype=object),
        "churn_band": np.array(scores.churn_band, dtype=object),
        "ltv_tier": np.array(scores.ltv_tier, dtype=object),
    }
    return Over(scored, scores.columns)
