"""Scores as JSON: nulls where there is nothing, nulls where an answer must not tell."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.clock import parse_utc, to_micros
from retain.signals import Signal
from services import answers
from tests.unit.services.fakes import MANIFESTS, NOW, scores


def test_numbers_that_json_does_not_know_become_null() -> None:
    assert answers.plain(np.array([1.5, np.nan, np.inf, -np.inf])) == [1.5, None, None, None]


def test_times_are_iso_8601_in_utc_and_missing_ones_null() -> None:
    column = np.array(["2026-11-21T20:00:00", "NaT", "2026-11-21T20:00:00.25"], "M8[us]")
    assert answers.plain(column) == ["2026-11-21T20:00:00Z", None, "2026-11-21T20:00:00.250000Z"]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_a_number_survives_json_bit_by_bit(values: list[float]) -> None:
    column = np.array(values, dtype=np.float64)
    back = json.loads(json.dumps(answers.plain(column), allow_nan=False))
    for value, again in zip(values, back, strict=True):
        assert again == value if np.isfinite(value) else again is None


@given(st.integers(0, 2**57))
def test_a_time_survives_json_to_the_microsecond(micros: int) -> None:
    (text,) = answers.plain(np.array([micros], "M8[us]"))
    assert to_micros(parse_utc(text, field="")) == micros


@pytest.mark.parametrize("status", ["already_churned", "insufficient_data", "no_consent"])
def test_a_head_that_abstains_keeps_its_object_with_null_scores(status) -> None:
    (churn,) = answers.churn(scores(["a"], NOW, {"a": status}), MANIFESTS["churn"], [[]])
    assert churn["status"] == status
    assert churn["probability"] is None
    assert churn["band"] is None
    assert churn["model"] == MANIFESTS["churn"].name


def test_one_withheld_customer_does_not_withhold_the_next() -> None:
    made = scores(["a", "b"], NOW, {"a": "no_consent"})
    both = answers.churn(made, MANIFESTS["churn"], [[], []])
    assert [one["probability"] for one in both] == [None, 0.25]


def test_the_currency_stays_where_the_value_is_withheld() -> None:
    made = scores(["a"], NOW)
    made.ltv_status[0] = "insufficient_data"
    (ltv,) = answers.ltv(made, MANIFESTS["ltv"])
    assert (ltv["value"], ltv["currency"]) == (None, "GBP")


def test_dates_of_the_next_purchase_are_times_or_null() -> None:
    (purchase,) = answers.next_purchase(scores(["a"], NOW), MANIFESTS["next_purchase"])
    assert purchase["expected_at"] == "2026-12-21T20:00:00Z"
    assert purchase["high_at"] is None


def test_a_head_without_a_model_keeps_its_object_and_names_none() -> None:
    made = scores(["a"], NOW, {"a": "no_model"})
    made.purchase_status[0] = made.ltv_status[0] = "no_model"
    (churn,) = answers.churn(made, None, [[]])
    (purchase,) = answers.next_purchase(made, None)
    (ltv,) = answers.ltv(made, None)
    assert {one["status"] for one in (churn, purchase, ltv)} == {"no_model"}
    assert {one["model"] for one in (churn, purchase, ltv)} == {None}
    assert churn["horizon_days"] is ltv["horizon_days"] is None
    assert churn["probability"] is purchase["probability_30d"] is ltv["value"] is None


@pytest.mark.parametrize(("label_days", "extrapolated"), [(30, True), (90, False), (180, False)])
def test_a_probability_beyond_the_label_is_told_as_extrapolated(label_days, extrapolated) -> None:
    learned = {"label_days": label_days, "extrapolated": False}
    manifest = MANIFESTS["next_purchase"].model_copy(update={"parameters": learned})
    (purchase,) = answers.next_purchase(scores(["a"], NOW), manifest)
    assert (purchase["label_days"], purchase["extrapolated"]) == (label_days, extrapolated)
    (none,) = answers.next_purchase(scores(["a"], NOW), None)
    assert (none["label_days"], none["extrapolated"]) == (None, False)


OVERDUE = Signal("purchase_cycle_anomaly", 46.0, 20.0, "days", NOW)


def test_a_signal_is_told_with_its_value_its_usual_and_since_when() -> None:
    (churn,) = answers.churn(scores(["a"], NOW), MANIFESTS["churn"], [[OVERDUE]])
    (signal,) = churn["signals"]
    assert signal == {
        "code": "purchase_cycle_anomaly",
        "text": "no order for 46 days; usually one every 20 days",
        "value": 46.0,
        "usual": 20.0,
        "unit": "days",
        "since": "2026-11-21T20:00:00Z",
    }


@pytest.mark.parametrize("status", ["already_churned", "insufficient_data", "no_model"])
def test_signals_need_no_score(status) -> None:
    made = scores(["a"], NOW, {"a": status})
    (churn,) = answers.churn(made, MANIFESTS["churn"], [[OVERDUE]], "ko")
    assert churn["probability"] is None
    assert churn["signals"][0]["text"].startswith("46일 동안 주문 없음")


@pytest.mark.parametrize("status", ["no_consent", "stale_features"])
def test_signals_need_consent_and_fresh_features(status) -> None:
    made = scores(["a"], NOW, {"a": status})
    (churn,) = answers.churn(made, MANIFESTS["churn"], [[OVERDUE]])
    assert churn["signals"] == []


def test_without_a_model_of_churn_signals_need_consent_all_the_same() -> None:
    made = replace(scores(["a"], NOW, {"a": "no_consent"}), churn_status=["no_model"])
    (churn,) = answers.churn(made, None, [[OVERDUE]])
    assert churn["signals"] == []


SCORED = {
    "churn_probability": ("churn_status", 0.25),
    "purchase_probability_7d": ("purchase_status", 0.1),
    "purchase_probability_30d": ("purchase_status", 0.3),
    "purchase_probability_90d": ("purchase_status", 0.6),
    "ltv_value": ("ltv_status", 412.5),
}


@pytest.mark.parametrize("withheld", ["churn_status", "purchase_status", "ltv_status"])
def test_a_score_is_no_feature_to_tell_where_its_head_withholds_it(withheld) -> None:
    columns = {name: np.array([value]) for name, (_, value) in SCORED.items()}
    made = replace(scores(["a"], NOW, told=columns), **{withheld: ["already_churned"]})
    told = answers.features(made)
    assert told["order_recency_days"] == [12.5]
    for name, (status, value) in SCORED.items():
        assert told[name] == [None if status == withheld else value]
