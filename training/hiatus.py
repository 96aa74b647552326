"""The hiatus rule: after how long without an order a customer is taken to have left."""

import numpy as np

from retain.predictors.trees import Floats


def learn(recency_days: Floats, churned: Floats) -> float:
    """The whole number of days that best separates who returned from who did not.

    "Best" is the highest mean of sensitivity and specificity over the training window
    (the hiatus heuristic of Wübben and von Wangenheim 2008, with its threshold learned).
    """
    days = np.clip(np.ceil(recency_days), 0, None).astype(np.intp)
    left = np.cumsum(np.bincount(days, churned)[::-1])[::-1]
    stayed = np.cumsum(np.bincount(days, 1.0 - churned))
    if not left[0] or not stayed[-1]:
        return float(days.max(initial=0))
    sensitivity = left / left[0]
    specificity = np.concatenate([[0.0], stayed[:-1]]) / stayed[-1]
    return float(np.argmax(sensitivity + specificity))
