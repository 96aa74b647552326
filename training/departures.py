"""Departures: who left by a declared label that is not about orders."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from retain import labels
from retain.predictors.trees import Floats
from training.configuration import Churn
from training.feature_source import FeatureSource


def departures(
    source: FeatureSource,
    keys: pa.Table,
    moments: Sequence[datetime],
    horizon_days: int,
    churn: Churn,
) -> Floats | None:
    """1 for each of ``keys`` who left by a label other than orders; None where orders decide."""
    if churn.label == "no_activity":
        left = labels.inactive(keys, source.activity(moments, horizon_days), horizon_days)
    elif churn.label == "subscription_not_renewed":
        left = labels.lapsed(keys, source.subscriptions(), horizon_days, churn.grace_days)
    else:
        return None
    return np.asarray(left.column("churned").cast(pa.float64()).to_numpy(), dtype=np.float64)
