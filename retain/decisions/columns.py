"""Scores as the columns that action rules read: features, scores and segments by name."""

import numpy as np

from retain.clock import MICROSECONDS_PER_DAY
from retain.columns import Columns, Over
from retain.decisions.hindrances import STALE_FEATURES
from retain.one.features import One
from retain.one.scoring import OneScores
from retain.rule_rows import NAN
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


def put_scores(scores: OneScores) -> One:
    """The features of one customer with the scores among them: as :func:`of_scores`."""
    one, near, expected, ltv = scores.features, scores.near, scores.expected, scores.ltv
    churn = scores.churn_probability
    one["churn_probability"] = NAN if churn is None else churn
    p7, p30, p90 = (NAN, NAN, NAN) if near is None else near
    one["purchase_probability_7d"] = p7
    one["purchase_probability_30d"] = p30
    one["purchase_probability_90d"] = p90
    ahead = NAN if expected is None else float(expected[1] - scores.moment) / MICROSECONDS_PER_DAY
    one["days_to_expected_order"] = ahead
    value, low, high, tier = (NAN, NAN, NAN, None) if ltv is None else ltv
    one["ltv_value"], one["ltv_low"], one["ltv_high"], one["ltv_tier"] = value, low, high, tier
    one["status"], one["churn_band"] = scores.status, scores.churn_band
    return one
