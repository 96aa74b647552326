"""What is counted, and what never becomes a label."""

import pytest

from retain.quality.findings import Sample
from services.metrics import Metrics
from tests.unit.services.fakes import NOW, Service, manifest


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def client(service):
    with service.client() as client:
        yield client


def test_requests_are_counted_by_route_and_status(client) -> None:
    client.post("/predict", json={"customer_id": "17850"})
    client.post("/predict", json={"customer_id": "x"})
    text = client.get("/metrics").text
    assert 'retain_requests_total{route="/predict",status="200"} 1.0' in text
    assert 'retain_requests_total{route="/predict",status="404"} 1.0' in text
    assert 'retain_request_seconds_count{route="/predict"} 2.0' in text


def test_a_customer_id_in_a_path_is_no_label(client) -> None:
    client.get("/customers/17850")
    text = client.get("/metrics").text
    assert 'route="/customers/{customer_id}"' in text
    assert "17850" not in text


def test_unknown_paths_share_one_label(client) -> None:
    for path in ("/a", "/b", "/c"):
        client.get(path)
    text = client.get("/metrics").text
    assert 'retain_requests_total{route="unknown",status="404"} 3.0' in text


def test_the_models_that_answer_are_named() -> None:
    metrics = Metrics()
    churn = manifest("churn").model_copy(update={"created_at": NOW})
    metrics.models({"churn": churn, "ltv": manifest("ltv")})
    text = metrics.render().decode()
    assert f'retain_model_info{{head="churn",version="{churn.version}"}} 1.0' in text
    assert 'retain_model_created_timestamp_seconds{head="churn"} 1.7952912e+09' in text
    # when this one was made is not known, what it has seen is
    assert 'retain_model_created_timestamp_seconds{head="ltv"}' not in text
    assert 'retain_model_as_of_timestamp_seconds{head="ltv"}' in text


def test_two_services_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.event("accepted")
    assert "retain_events_total{" not in second.render().decode()


def test_an_age_before_its_moment_counts_as_none() -> None:
    metrics = Metrics()
    metrics.prediction("ok", -5.0)
    assert "retain_feature_age_seconds_sum 0.0" in metrics.render().decode()


def test_a_data_quality_series_that_is_no_longer_seen_becomes_nan() -> None:
    metrics = Metrics()
    both = [Sample("retain_event_state", {"type": name}, 2.0) for name in ("searched", "gone")]
    metrics.quality(both, at=10.0)
    metrics.quality(both[:1], at=20.0)
    text = metrics.render().decode()
    assert 'retain_event_state{type="searched"} 2.0' in text
    assert 'retain_event_state{type="gone"} NaN' in text
    assert "retain_quality_examined_timestamp_seconds 20.0" in text
