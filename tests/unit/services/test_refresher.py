"""The refresher: what is pending becomes reflected, through errors and beside others."""

import threading

import pytest

from retain.errors import StoreUnavailable
from services.metrics import Metrics
from services.refresher import Refresher
from tests.unit.services.fakes import NOW


class Pending:
    """The log's list of customers to refresh."""

    def __init__(self, **customers: int) -> None:
        self.customers = dict(customers)
        self.emptied = threading.Event()

    def pending(self, limit: int = 1_000) -> dict[str, int]:
        return dict(list(self.customers.items())[:limit])

    def reflected(self, customers: dict[str, int]) -> None:
        for customer_id, seq in customers.items():
            if self.customers.get(customer_id) == seq:
                del self.customers[customer_id]
        if not self.customers:
            self.emptied.set()


class Written:
    """Where features are written; fails the first ``failures`` times."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.calls: list[list[str]] = []

    def __call__(self, customer_ids, as_of) -> None:
        assert as_of == NOW
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("away")
        self.calls.append(list(customer_ids))


def refresher(log: Pending, write, lock) -> Refresher:
    return Refresher(log=log, write=write, clock=lambda: NOW, metrics=Metrics(), lock=lock)


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "refresher.lock"


def test_pending_customers_are_written_and_forgotten(lock) -> None:
    log, write = Pending(a=1, b=2), Written()
    assert refresher(log, write, lock).refresh() == 2
    assert write.calls == [["a", "b"]]
    assert log.customers == {}


def test_nothing_is_written_when_nothing_is_pending(lock) -> None:
    write = Written()
    assert refresher(Pending(), write, lock).refresh() == 0
    assert write.calls == []


def test_a_customer_whose_write_failed_stays_pending(lock) -> None:
    log = Pending(a=1)
    with pytest.raises(StoreUnavailable):
        refresher(log, Written(failures=1), lock).refresh()
    assert log.customers == {"a": 1}


def test_the_thread_survives_a_store_that_is_away(lock, monkeypatch) -> None:
    monkeypatch.setattr("services.refresher.PAUSE_AFTER_ERROR_SECONDS", 0.01)
    log = Pending(a=1)
    working = refresher(log, Written(failures=2), lock)
    working.start()
    assert log.emptied.wait(10)
    working.stop()


def test_a_nudge_wakes_the_thread(lock, monkeypatch) -> None:
    monkeypatch.setattr("services.refresher.IDLE_SECONDS", 30)
    log = Pending()
    working = refresher(log, Written(), lock)
    working.start()
    log.customers["a"] = 1
    working.nudge()
    assert log.emptied.wait(10)
    working.stop()


def test_of_two_only_the_holder_of_the_lock_works_and_the_other_takes_over(lock) -> None:
    log, first, second = Pending(a=1), Written(), Written()
    holder, other = refresher(log, first, lock), refresher(log, second, lock)
    holder.start()
    assert log.emptied.wait(10)
    log.emptied.clear()
    other.start()
    log.customers["b"] = 2
    assert log.emptied.wait(10)
    assert (first.calls, second.calls) == ([["a"], ["b"]], [])
    holder.stop()
    log.emptied.clear()
    log.customers["c"] = 3
    assert log.emptied.wait(10)
    assert second.calls == [["c"]]
    other.stop()
