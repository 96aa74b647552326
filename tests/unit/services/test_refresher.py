"""The refresher: what is pending becomes reflected, through errors and beside others."""

import threading

import pytest

from retain.errors import StoreUnavailable
from retain.pending import Backlog, Batch
from services.metrics import Metrics
from services.refresher import Refresher, rest_after
from tests.unit.services.fakes import NOW


class Pending:
    """The log's list of customers to refresh."""

    def __init__(self, **customers: int) -> None:
        self.customers = dict(customers)
        self.emptied = threading.Event()

    def batch(self, limit: int) -> Batch:
        seqs = dict(list(self.customers.items())[:limit])
        return Batch(seqs, [0] * len(seqs))

    def backlog(self) -> Backlog:
        return Backlog(len(self.customers), None)

    def reflected(self, customers: dict[str, int], read_at=None, partly=()) -> None:
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

    def __call__(self, customer_ids, as_of, first) -> None:
        assert as_of == NOW
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("away")
        self.calls.append(list(customer_ids))


class Turn:
    """A lock in this process; ``holder`` is who has it."""

    holder: "Turn | None" = None

    def holds(self) -> bool:
        if Turn.holder is None:
            Turn.holder = self
        return Turn.holder is self

    def release(self) -> None:
        if Turn.holder is self:
            Turn.holder = None


@pytest.fixture(autouse=True)
def nobody():
    Turn.holder = None


def refresher(log: Pending, write, **parts) -> Refresher:
    return Refresher(
        waiting=log, write=write, clock=lambda: NOW, metrics=Metrics(), turn=Turn(), **parts
    )


def test_pending_customers_are_written_and_forgotten() -> None:
    log, write = Pending(a=1, b=2), Written()
    assert refresher(log, write).refresh() == 2
    assert write.calls == [["a", "b"]]
    assert log.customers == {}


def test_nothing_is_written_when_nothing_is_pending() -> None:
    write = Written()
    assert refresher(Pending(), write).refresh() == 0
    assert write.calls == []


def test_a_customer_whose_write_failed_stays_pending() -> None:
    log = Pending(a=1)
    with pytest.raises(StoreUnavailable):
        refresher(log, Written(failures=1)).refresh()
    assert log.customers == {"a": 1}


def test_the_thread_survives_a_store_that_is_away(monkeypatch) -> None:
    monkeypatch.setattr("services.refresher.PAUSE_AFTER_ERROR_SECONDS", 0.01)
    log = Pending(a=1)
    working = refresher(log, Written(failures=2))
    working.start()
    assert log.emptied.wait(10)
    working.stop()


def test_a_nudge_wakes_the_thread(monkeypatch) -> None:
    monkeypatch.setattr("services.refresher.IDLE_SECONDS", 30)
    log = Pending()
    working = refresher(log, Written())
    working.start()
    log.customers["a"] = 1
    working.nudge()
    assert log.emptied.wait(10)
    working.stop()


def test_of_two_only_the_holder_of_the_lock_works_and_the_other_takes_over() -> None:
    log, first, second = Pending(a=1), Written(), Written()
    holder, other = refresher(log, first), refresher(log, second)
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


def test_an_event_waits_for_two_batches_and_a_rest_of_three_quarters_of_a_second_at_most() -> None:
    assert all(2 * took + rest_after(took) <= 0.6 for took in (0.0, 0.05, 0.1, 0.2, 0.3))
    assert rest_after(0.01) == 0.3
    assert rest_after(2.0) == 0.0


def test_the_sweep_is_called_when_it_is_due_also_while_there_is_nothing_to_do() -> None:
    swept = threading.Event()
    calls = []

    def sweep() -> float:
        calls.append(1)
        swept.set()
        return 1_000.0

    working = refresher(Pending(), Written(), sweep=sweep)
    working.start()
    assert swept.wait(10)
    working.nudge()
    working.stop()
    assert calls == [1]


def test_a_sweep_that_fails_holds_up_no_event() -> None:
    def sweep() -> float:
        raise StoreUnavailable("away")

    log, write = Pending(a=1), Written()
    working = refresher(log, write, sweep=sweep)
    working.start()
    assert log.emptied.wait(10)
    working.stop()


def test_who_could_not_be_computed_is_next_time_computed_as_a_whole() -> None:
    asked = []

    class Once(Pending):
        def batch(self, limit: int) -> Batch:
            found = super().batch(limit)
            return Batch(found.seqs, found.since, dict(found.seqs))

    def write(customer_ids, as_of, first) -> None:
        asked.append((list(customer_ids), dict(first)))
        if "bad" in customer_ids and len(asked) < 4:
            raise ValueError("what nobody thought of")

    log = Once(good=1, bad=2)
    working = refresher(log, write)
    working.refresh()
    log.customers.update(good=3, bad=4)
    working.refresh()
    log.customers.update(bad=5)
    working.refresh()
    both = ["good", "bad"]
    assert asked == [
        (both, {"good": 1, "bad": 2}),
        (["good"], {}),
        (["bad"], {}),
        (both, {"good": 3}),
        (["bad"], {"bad": 5}),
    ]
