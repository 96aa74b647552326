"""Predicting: whose features are read at which moment, and what is answered."""

from datetime import UTC, datetime, timedelta

import pytest

from retain.errors import InvalidInput, UnknownCustomer
from services.schemas.predictions import PARTS, PredictRequest
from tests.unit.services.fakes import NOW, Service


@pytest.fixture
def service() -> Service:
    return Service(statuses={"13047": "already_churned"})


def predict(service: Service, **asked):
    return service.use_cases().predictions.predict(PredictRequest.model_validate(asked))


def test_without_as_of_the_services_clock_is_used(service) -> None:
    assert predict(service, customer_id="17850")["as_of"] == "2026-11-21T20:00:00Z"
    assert service.reader.asked == [(["17850"], NOW)]


def test_a_past_as_of_is_read_at_that_moment(service) -> None:
    predict(service, customer_id="17850", as_of="2026-10-01")
    assert service.reader.asked[0][1] == datetime(2026, 10, 1, tzinfo=UTC)


def test_a_future_as_of_is_refused_before_anything_is_read(service) -> None:
    future = (NOW + timedelta(seconds=1)).isoformat()
    with pytest.raises(InvalidInput) as refused:
        predict(service, customer_id="17850", as_of=future)
    assert refused.value.field == "as_of"
    assert service.reader.asked == []


def test_the_clocks_own_moment_is_not_the_future(service) -> None:
    assert predict(service, customer_id="17850", as_of=NOW.isoformat())["status"] == "ok"


def test_many_are_answered_in_the_order_asked_unknown_ones_in_place(service) -> None:
    asked = ["x", "13047", "17850", "x", "13047"]
    answered = predict(service, customer_ids=asked)["predictions"]
    assert [one["customer_id"] for one in answered] == asked
    assert [one["status"] for one in answered] == [
        "unknown_customer",
        "already_churned",
        "ok",
        "unknown_customer",
        "already_churned",
    ]
    assert answered[0] == {"customer_id": "x", "status": "unknown_customer"}


def test_a_customer_asked_for_twice_is_read_once(service) -> None:
    predict(service, customer_ids=["17850", "17850"])
    assert service.reader.asked[0][0] == ["17850"]


def test_a_single_unknown_customer_is_an_error(service) -> None:
    with pytest.raises(UnknownCustomer):
        predict(service, customer_id="x")


@pytest.mark.parametrize("part", PARTS)
def test_only_the_parts_asked_for_are_answered(service, part) -> None:
    answer = predict(service, customer_id="17850", include=[part])
    assert [name for name in PARTS if name in answer] == [part]


def test_an_empty_include_answers_no_part(service) -> None:
    answer = predict(service, customer_id="17850", include=[])
    assert not set(PARTS) & answer.keys()


def test_the_age_of_the_features_is_told(service) -> None:
    assert predict(service, customer_id="17850")["features_as_of"] == "2026-11-21T19:59:58Z"


def test_every_customer_is_counted_by_status_without_an_id(service) -> None:
    predict(service, customer_ids=["17850", "13047", "x"])
    text = service.metrics.render().decode()
    for status in ("ok", "already_churned", "unknown_customer"):
        assert f'retain_predictions_total{{status="{status}"}} 1.0' in text
    assert "17850" not in text
