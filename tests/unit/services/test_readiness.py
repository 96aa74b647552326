"""Readiness: what must hold before requests make sense."""

from retain.errors import StoreUnavailable
from services.readiness import Readiness
from tests.unit.services.fakes import MANIFESTS


def test_a_store_that_answers_makes_it_ready() -> None:
    answer = Readiness(MANIFESTS, reach=lambda: 1).check()
    assert answer["status"] == "ready"
    assert all(check["ok"] for check in answer["checks"].values())


def test_a_store_that_is_away_makes_it_not_ready_without_saying_why_inside() -> None:
    def away() -> None:
        raise StoreUnavailable("secret")

    answer = Readiness(MANIFESTS, reach=away).check()
    assert answer["status"] == "not_ready"
    assert not answer["checks"]["store"]["ok"]
    assert "secret" not in str(answer)


def test_a_head_without_a_model_is_named_and_no_reason_to_wait() -> None:
    answer = Readiness({"churn": MANIFESTS["churn"]}, reach=lambda: 1).check()
    assert answer["status"] == "ready"
    assert "no model for next_purchase, ltv" in answer["checks"]["models"]["detail"]
