"""Predicting: whose features are read at which moment, and what is answered."""

from datetime import UTC, datetime, timedelta

import pytest

from retain.errors import InvalidInput, UnknownCustomer
from services.schemas.predictions import PARTS, PredictRequest
from tests.unit.services.fakes import NOW, OVERDUE, Service


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


def test_an_unknown_customer_counts_the_same_alone_and_in_a_list(service) -> None:
    with pytest.raises(UnknownCustomer):
        predict(service, customer_id="x")
    predict(service, customer_ids=["x", "17850"])
    text = service.metrics.render().decode()
    assert 'retain_predictions_total{status="unknown_customer"} 2.0' in text


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


def test_reasons_are_given_when_asked_for_and_cost_nothing_otherwise(service) -> None:
    service.explainer.fail = True
    assert predict(service, customer_id="17850")["reasons"] == []
    service.explainer.fail = False
    reasons = predict(service, customer_id="17850", explain=True)["reasons"]
    assert [one["head"] for one in reasons] == ["churn", "next_purchase", "ltv"]
    assert {one["text"] for one in reasons} == {"told in en"}


def test_reasons_are_given_for_the_parts_asked_for(service) -> None:
    answer = predict(service, customer_id="17850", explain=True, include=["ltv", "segment"])
    assert [one["head"] for one in answer["reasons"]] == ["ltv"]


def test_reasons_are_in_the_language_asked_for(service) -> None:
    answer = predict(service, customer_id="17850", explain=True, language="ko")
    assert {one["text"] for one in answer["reasons"]} == {"told in ko"}


def test_more_than_fifty_customers_are_not_explained_and_nothing_is_read(service) -> None:
    ids = [f"c{n}" for n in range(51)]
    with pytest.raises(InvalidInput) as refused:
        predict(service, customer_ids=ids, explain=True)
    assert refused.value.field == "explain"
    assert service.reader.asked == []


def test_signals_are_told_without_asking_in_the_language_asked_for(service) -> None:
    service.scorer.told = OVERDUE
    (signal,) = predict(service, customer_id="17850", language="ko")["churn"]["signals"]
    assert signal["text"] == "46일 동안 주문 없음, 평소 주문 간격 20일"
    assert signal["since"] == "2026-11-15T20:00:00Z"


@pytest.mark.parametrize(
    ("body", "header", "text"),
    [
        ({}, "ko-KR,ko;q=0.9,en;q=0.8", "told in ko"),
        ({"language": "en"}, "ko", "told in en"),
        ({}, "de", "told in en"),
    ],
    ids=["the header decides", "the body decides first", "a language nobody speaks"],
)
def test_the_language_of_a_request_is_its_own_or_its_headers(service, body, header, text) -> None:
    with service.client() as client:
        answer = client.post(
            "/predict",
            json={"customer_id": "17850", "explain": True, **body},
            headers={"accept-language": header},
        )
    assert {one["text"] for one in answer.json()["reasons"]} == {text}
    assert answer.headers["content-language"] == text.removeprefix("told in ")


def test_an_answer_varies_with_the_header_only_where_the_body_names_no_language(service) -> None:
    with service.client() as client:
        asked = [{"customer_id": "17850"}, {"customer_id": "17850", "language": "ko"}]
        open_, named = (client.post("/predict", json=one) for one in asked)
    assert (open_.headers["content-language"], open_.headers["vary"]) == ("en", "Accept-Language")
    assert named.headers["content-language"] == "ko"
    assert "vary" not in named.headers


def test_a_language_that_is_not_spoken_is_refused_by_name(service) -> None:
    with service.client() as client:
        answer = client.post("/predict", json={"customer_id": "17850", "language": "xx"})
    assert (answer.status_code, answer.json()["field"]) == (422, "language")
