"""The table of ``scores.parquet``: its columns, and numbers that are not withheld."""

import json

from services import table
from tests.unit.services.fakes import ACTION, MANIFESTS, NOW, scores

COLUMNS = (
    "customer_id, as_of, status, churn_probability, purchase_probability_7d, "
    "purchase_probability_30d, purchase_probability_90d, expected_next_order_at, "
    "expected_next_order_low_at, expected_next_order_high_at, ltv_value, ltv_low, ltv_high, "
    "ltv_horizon_days, currency, segment, stage, next_action, next_channel, next_send_at, "
    "decision_id, models"
)


def made(statuses=None):
    decided = [{**ACTION, "decision_id": "d-1"}, {**ACTION, "decision_id": "d-2"}]
    return table.of_scores(scores(["a", "b"], NOW, statuses), decided, MANIFESTS)


def test_the_columns_are_the_published_ones() -> None:
    assert made().column_names == COLUMNS.split(", ")


def test_a_score_the_service_withholds_is_in_the_table_and_the_status_says_so() -> None:
    row = made({"a": "already_churned"}).to_pylist()[0]
    assert row["status"] == "already_churned"
    assert row["churn_probability"] == 0.25


def test_missing_numbers_and_times_are_null() -> None:
    assert made().to_pylist()[0]["expected_next_order_high_at"] is None


def test_times_are_utc_microseconds() -> None:
    row = made().to_pylist()[0]
    assert row["as_of"] == NOW
    assert row["next_send_at"] == NOW


def test_the_models_that_answered_are_named() -> None:
    models = json.loads(made().to_pylist()[0]["models"])
    assert models["churn"] == MANIFESTS["churn"].name


def test_without_an_ltv_model_its_horizon_is_null() -> None:
    manifests = {head: one for head, one in MANIFESTS.items() if head != "ltv"}
    decided = [{**ACTION, "decision_id": "d-1"}]
    (row,) = table.of_scores(scores(["a"], NOW), decided, manifests).to_pylist()
    assert row["ltv_horizon_days"] is None
