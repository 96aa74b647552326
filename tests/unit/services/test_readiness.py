"""Readiness: what must hold before requests make sense, and what is only told."""

import logging
from threading import Event

import pytest

from retain.errors import StoreUnavailable
from services import readiness
from services.readiness import Readiness
from tests.unit.services.fakes import MANIFESTS


class Store:
    """A store that answers, or does not."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away

    def __call__(self) -> None:
        if self.away:
            raise StoreUnavailable("host db.internal is away")


def looked(made: Readiness) -> dict:
    for one in made.lookouts:
        one.look()
    return made.check()


def test_stores_that_answer_make_it_ready() -> None:
    answer = looked(Readiness(MANIFESTS, {"database": Store(), "online_store": Store()}))
    assert answer["status"] == "ready"
    assert set(answer["checks"]) == {"models", "features", "database", "online_store"}
    assert all(check["ok"] for check in answer["checks"].values())


def test_a_store_that_was_never_reached_makes_it_not_ready_without_saying_why_inside() -> None:
    answer = looked(Readiness(MANIFESTS, {"database": Store(away=True)}))
    assert answer["status"] == "not_ready"
    assert not answer["checks"]["database"]["ok"]
    assert "internal" not in str(answer)


def test_a_store_that_dies_later_degrades_and_is_told_once_and_again_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, told = Store(), []
    made = Readiness(MANIFESTS, {"database": store}, report=lambda *one: told.append(one))
    looked(made)
    store.away = True
    with caplog.at_level(logging.WARNING, "retain.service"):
        statuses = [looked(made)["status"] for _ in range(3)]
        assert statuses == ["degraded"] * 3
        assert made.check()["checks"]["database"]["ok"] is False
        store.away = False
        assert looked(made)["status"] == "ready"
    assert told == [("database", True), ("database", False), ("database", True)]
    assert [one.levelname for one in caplog.records] == ["ERROR", "WARNING"]


def test_a_store_that_hangs_is_noticed_and_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hang, inside, let_go, noticed = Event(), Event(), Event(), Event()

    def reach() -> None:
        if hang.is_set():
            inside.set()
            let_go.wait()

    monkeypatch.setattr(readiness, "LOOK_EVERY_SECONDS", 0.01)
    made = Readiness(MANIFESTS, {"database": reach}, report=lambda *_: noticed.set())
    made.start()
    try:
        assert noticed.wait(10)
        noticed.clear()
        assert made.check()["status"] == "ready"
        hang.set()
        assert inside.wait(10)
        assert made.check()["status"] == "ready"
        assert made.silent_seconds("database") == 0
        monkeypatch.setattr(readiness, "SLOW_SECONDS", 0.0)
        assert noticed.wait(10)
        assert made.check()["status"] == "degraded"
        assert made.silent_seconds("database") > 0
        hang.clear()
        noticed.clear()
        let_go.set()
        assert noticed.wait(10)
        assert made.check()["status"] == "ready"
    finally:
        made.stop()
        let_go.set()


def test_who_drains_is_not_ready_though_every_store_answers() -> None:
    made = Readiness(MANIFESTS, {"database": Store()})
    assert looked(made)["status"] == "ready"
    made.drain()
    assert made.check()["status"] == "not_ready"


def test_a_head_without_a_model_is_named_and_no_reason_to_wait() -> None:
    answer = looked(Readiness({"churn": MANIFESTS["churn"]}, {"database": Store()}))
    assert answer["status"] == "ready"
    assert "no model for next_purchase, ltv" in answer["checks"]["models"]["detail"]
