"""What is answered without a store, how long for, and what is said about it."""

import logging
from datetime import timedelta

import pytest

from retain.clock import iso
from retain.errors import InvalidInput, StoreUnavailable
from retain.settings import load
from services.degraded import Degraded
from services.metrics import Metrics
from services.predictions import Predictions
from services.schemas.predictions import PredictRequest
from tests.unit.services.fakes import (
    MANIFESTS,
    NOW,
    SIGNALS,
    FakeExplainer,
    FakePreviews,
    FakeReader,
    FakeScorer,
)


class Reader(FakeReader):
    """Has rows of an hour ago of those it knows, also where it cannot ask the log."""

    def last_known(self, customer_ids, as_of):
        self.down = False
        found = self.read(customer_ids, as_of - timedelta(hours=1))
        self.down = True
        return found


class Outage:
    """A log that may be away; everything around it is at hand."""

    def __init__(self, *, most=timedelta(hours=1), statuses=None) -> None:
        self.reader, self.previews, self.metrics = Reader(), FakePreviews(), Metrics()
        self.silent, self.refuses = 0.0, False
        self.degraded = Degraded(
            silent=lambda: self.silent,
            refuses=lambda: self.refuses,
            most=most,
            metrics=self.metrics,
        )
        self._predictions = Predictions(
            reader=self.reader,
            scorer=FakeScorer(statuses),
            signals=SIGNALS,
            explainer=FakeExplainer(),
            previews=self.previews,
            manifests=MANIFESTS,
            clock=lambda: NOW,
            metrics=self.metrics,
            degraded=self.degraded,
        )

    def predict(self, **asked):
        return self._predictions.predict(PredictRequest.model_validate(asked))


def test_a_log_that_fails_is_done_without_and_one_that_is_known_to_be_away_not_asked() -> None:
    outage = Outage()
    outage.reader.down = True
    first = outage.predict(customer_id="17850")
    outage.refuses = True
    outage.reader.parts = None
    second = outage.predict(customer_id="17850")
    assert first == second
    assert second["status"] == "degraded"
    assert second["degraded"] == ["freshness", "next_best_action"]
    assert second["features_as_of"] == iso(NOW - timedelta(hours=1, seconds=2))


@pytest.mark.parametrize(("silent", "most"), [(3_601.0, timedelta(hours=1)), (0.0, timedelta(0))])
def test_stored_features_answer_for_no_longer_than_is_allowed(silent, most) -> None:
    outage = Outage(most=most)
    outage.reader.down, outage.silent = True, silent
    with pytest.raises(StoreUnavailable):
        outage.predict(customer_id="17850")


def test_another_status_than_ok_stays_and_says_what_is_uncertain_too() -> None:
    outage = Outage(statuses={"17850": "already_churned"})
    outage.reader.down = True
    told = outage.predict(customer_id="17850", include=["churn"])
    assert told["status"] == "already_churned"
    assert told["degraded"] == ["freshness"]


def test_a_moment_of_the_past_needs_the_log() -> None:
    outage = Outage()
    outage.reader.down = True
    with pytest.raises(StoreUnavailable):
        outage.predict(customer_id="17850", as_of=iso(NOW - timedelta(days=1)))


def test_whom_nothing_is_stored_of_is_not_said_to_be_unknown() -> None:
    outage = Outage()
    outage.reader.down = True
    known, nobody = outage.predict(customer_ids=["17850", "x"])["predictions"]
    assert known["status"] == "degraded"
    assert nobody == {"customer_id": "x", "status": "unavailable", "degraded": ["features"]}
    with pytest.raises(StoreUnavailable):
        outage.predict(customer_id="x")
    with pytest.raises(StoreUnavailable):
        outage.predict(customer_ids=["x", "y"])


def test_scores_answer_where_nothing_can_be_decided_unless_nothing_else_was_asked_for() -> None:
    outage = Outage()

    def fails(scores, features):
        raise StoreUnavailable("contacts are away")

    outage.previews.preview = fails
    told = outage.predict(customer_id="17850")
    assert (told["status"], told["degraded"]) == ("degraded", ["next_best_action"])
    assert told["next_best_action"] is None
    assert told["churn"]["probability"] == 0.25
    with pytest.raises(StoreUnavailable):
        outage.predict(customer_id="17850", include=["next_best_action"])


def test_every_change_is_logged_once_and_every_customer_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage = Outage()
    with caplog.at_level(logging.WARNING, "retain.service"):
        outage.reader.down = True
        for _ in range(3):
            outage.predict(customer_ids=["17850", "13047"], include=["churn"])
        outage.reader.down = False
        for _ in range(2):
            assert "degraded" not in outage.predict(customer_id="17850")
    assert [one.levelname for one in caplog.records] == ["ERROR", "WARNING"]
    text = outage.metrics.render().decode()
    assert 'retain_predictions_degraded_total{part="freshness"} 6.0' in text
    assert 'retain_predictions_total{status="degraded"} 6.0' in text


def test_zero_minutes_are_a_setting_and_less_is_none() -> None:
    assert load({"RETAIN_DEGRADED_MAX_AGE_MINUTES": "0"}).degraded_max_age_minutes == 0
    assert load({}).degraded_max_age_minutes == 60
    with pytest.raises(InvalidInput, match="RETAIN_DEGRADED_MAX_AGE_MINUTES"):
        load({"RETAIN_DEGRADED_MAX_AGE_MINUTES": "-1"})
