"""Global importance: what a model listens to, and nothing it does not."""

import numpy as np
import pytest

from retain import predictors
from retain.reasons.importance import MOST_ROWS, importance
from tests.tiny_models import matrix, write_model


@pytest.fixture(scope="module")
def churn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "churn"
    write_model(folder, "churn")
    return predictors.load(folder)


def test_the_feature_the_model_was_made_of_leads(churn) -> None:
    found = importance(churn, matrix(300))
    assert found["features"][0]["name"] == "order_recency_days"
    assert found["groups"][0]["name"] == "purchase_rhythm"
    assert found["rows"] == 300


@pytest.mark.parametrize("kind", ["groups", "features"])
def test_shares_are_of_the_whole_and_fall(churn, kind) -> None:
    shares = [one["share"] for one in importance(churn, matrix(300))[kind]]
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)


def test_a_groups_features_may_undo_each_other(churn) -> None:
    rows = matrix(50)
    values = churn.contributions(rows).values
    found = {one["name"]: one["mean"] for one in importance(churn, rows)["groups"]}
    assert found["purchase_rhythm"] == pytest.approx(np.abs(values[:, 0]).mean())


def test_of_many_rows_the_same_are_drawn_every_time(churn) -> None:
    rows = matrix(MOST_ROWS + 500)
    found = importance(churn, rows, seed=3)
    assert found["rows"] == MOST_ROWS
    assert found == importance(churn, rows, seed=3)
