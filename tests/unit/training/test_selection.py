import numpy as np
import pytest

from retain.features.catalogue import FEATURES, RATIOS
from training import selection


@pytest.fixture
def columns():
    rows = 200
    found = {
        f.name: np.full(rows, np.nan) for f in FEATURES if f.dtype in {"number", "since", "until"}
    }
    found |= {ratio.name: np.full(rows, np.nan) for ratio in RATIOS}
    found |= {f.name: np.full(rows, None, dtype=object) for f in FEATURES if f.dtype == "text"}
    found["order_recency_days"] = np.arange(rows, dtype=float)
    found["customer_age_days"] = np.arange(rows, dtype=float)
    found["orders_30d"] = np.zeros(rows)
    found["last_score"] = np.where(np.arange(rows) < 50, 5.0, np.nan)
    found["country"] = np.array(["GB"] * 120 + ["KR"] * 79 + ["IS"], dtype=object)
    return found


def chosen(columns):
    return {feature.name: feature for feature in selection.choose(columns)}


def test_features_that_vary_are_chosen_and_constants_are_not(columns):
    assert "order_recency_days" in chosen(columns)
    assert "orders_30d" not in chosen(columns)


def test_being_known_or_not_is_a_difference(columns):
    assert "last_score" in chosen(columns)


def test_a_feature_nobody_has_is_not_chosen(columns):
    assert "sentiment_mean" not in chosen(columns)


def test_common_categories_are_listed_and_rare_ones_are_not(columns):
    assert chosen(columns)["country"].categories == ("GB", "KR")
