"""What an online read answers with: the stored row while it holds, the log where it does not."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feature_repo.online import FRESH_WITHIN, OnlineReader
from feature_repo.recompute import Recompute
from retain.clock import now
from retain.database import connect
from retain.event import Event, read_event, to_table
from retain.eventlog import EventLog
from retain.features.reader import LogReader
from retain.settings import Settings, load
from tests.edges import due

T0 = datetime(2024, 2, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Clock:
    """The real time, and a little more."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return now() + self.ahead


def order(customer_id: str, at: datetime, event_id: str) -> Event:
    read = read_event(
        {
            "event_id": event_id,
            "type": "purchase",
            "customer_id": customer_id,
            "timestamp": at,
            "value": 5,
        },
        at,
    )
    assert isinstance(read, Event)
    return read


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({}, home=tmp_path)


@pytest.fixture
def log(settings: Settings) -> EventLog:
    log = EventLog(connect(settings.database_url))
    log.append(to_table([order(f"c{n % 3}", T0 - n * DAY, f"e{n}") for n in range(1, 31)]))
    return log


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(settings: Settings, log: EventLog, clock: Clock):
    reader = OnlineReader(settings, log, clock=clock)
    reader.write(["c0", "c1", "c2"], T0)
    yield reader
    reader.close()


def orders(reader, customer_id: str, at: datetime) -> float:
    return reader.read([customer_id], at).table.column("orders_lifetime")[0].as_py()


def test_an_accepted_event_may_be_missing_for_a_moment_and_the_answer_says_so(
    log, reader, clock
) -> None:
    later = T0 + timedelta(minutes=1)
    log.append(to_table([order("c0", later, "new")]), mark_pending=True)
    found = reader.read(["c0"], later)
    assert found.table.column("orders_lifetime").to_pylist() == [10.0]
    assert found.features_as_of == {"c0": T0}
    clock.ahead = FRESH_WITHIN
    found = reader.read(["c0"], later)
    assert found.table.column("orders_lifetime").to_pylist() == [11.0]
    assert found.features_as_of == {"c0": later}


def test_an_event_that_is_reflected_is_in_the_next_answer(log, reader) -> None:
    later = T0 + timedelta(minutes=1)
    log.append(to_table([order("c0", later, "new")]), mark_pending=True)
    pending = log.pending()
    reader.write(list(pending), later)
    log.reflected(pending)
    assert orders(reader, "c0", later) == 11.0
    assert reader.read(["c0"], later).features_as_of == {"c0": later}


def test_imported_events_are_noticed_although_nobody_marked_them(log, reader) -> None:
    log.append(to_table([order("c0", T0 + timedelta(minutes=1), "imported")]))
    assert orders(reader, "c0", T0 + timedelta(minutes=2)) == 11.0


def test_a_row_nothing_waits_for_is_up_to_date_with_the_answer(log, reader) -> None:
    later = T0 + timedelta(minutes=1)
    assert reader.read(["c0"], later).features_as_of == {"c0": later}


def test_a_new_customer_is_answered_at_once(log, reader) -> None:
    log.append(to_table([order("new", T0, "first")]), mark_pending=True)
    assert orders(reader, "new", T0) == 1.0


def test_an_expired_or_missing_row_is_written_again_behind_the_request(
    settings, log, reader
) -> None:
    log.append(to_table([order("imported", T0, "i1")]))
    reader.read(["c1", "imported", "nobody"], T0 + 40 * DAY)
    reader.close()
    assert set(log.pending()) == {"c1", "imported"}


def test_a_look_into_the_past_marks_nobody(log, reader) -> None:
    reader.read(["c0", "c1"], T0 - 9 * DAY)
    reader.close()
    assert log.pending() == {}


def test_a_row_that_holds_and_one_that_does_not_come_in_the_order_asked(log, reader) -> None:
    log.append(to_table([order("c9", T0, "n1")]))
    found = reader.read(["c2", "c9", "nobody", "c0", "c2"], T0)
    assert found.table.column("customer_id").to_pylist() == ["c2", "c9", "c0", "c2"]
    assert found.unknown == ["nobody"]
    expected = LogReader(log).read(["c2", "c9", "c0"], T0).table
    assert found.table.slice(0, 3).equals(expected)


def test_rows_a_window_edge_has_passed_are_found(reader) -> None:
    assert due(reader, ["c0", "c1", "nobody"], T0) == []
    assert due(reader, ["c0", "c1", "nobody"], T0 + 8 * DAY) == ["c0", "c1"]


class Counting:
    """A reader that counts, and holds the first reads back until they are let go."""

    def __init__(self, log: EventLog) -> None:
        self.reader = LogReader(log)
        self.asked: list[tuple[list[str], datetime]] = []
        self.begun, self.go = threading.Semaphore(0), threading.Event()

    def read(self, customer_ids, as_of):
        self.asked.append((list(customer_ids), as_of))
        self.begun.release()
        assert self.go.wait(10)
        return self.reader.read(customer_ids, as_of)


def read_by(pool, recompute: Recompute, ids: list[str], at: datetime, **last: int):
    return pool.submit(recompute.read, ids, at, last)


def test_two_that_ask_for_one_customer_compute_it_once_and_a_list_is_one_computation(log) -> None:
    counting = Counting(log)
    recompute = Recompute(counting)
    with ThreadPoolExecutor(2) as pool:
        first = read_by(pool, recompute, ["c0", "c1"], T0)
        assert counting.begun.acquire(timeout=10)
        second = read_by(pool, recompute, ["c1"], T0 + timedelta(seconds=1))
        assert not counting.begun.acquire(timeout=0.2)
        counting.go.set()
        (one,), (other,) = first.result(10), second.result(10)
    assert [ids for ids, _ in counting.asked] == [["c0", "c1"]]
    assert other.table.equals(LogReader(log).read(["c1"], T0 + timedelta(seconds=1)).table)
    assert one.table.num_rows == 2


def test_who_comes_while_others_are_computed_shares_the_next_computation(log) -> None:
    counting = Counting(log)
    recompute = Recompute(counting)
    with ThreadPoolExecutor(6) as pool:
        busy = read_by(pool, recompute, ["c0"], T0 - DAY)
        assert counting.begun.acquire(timeout=10)
        # with an event since, what is under way does not serve them
        since = {one: int(T0.timestamp() * 1e6) for one in ("c0", "c1", "c2")}
        later = [read_by(pool, recompute, [one], T0, **since) for one in (*since, "nobody")]
        for _ in range(1_000):
            if recompute._next is not None and len(recompute._next.ids) == 4:
                break
            time.sleep(0.01)
        counting.go.set()
        found = [one.result(10) for one in (busy, *later)]
    assert len(counting.asked) == 2
    assert [part.table.num_rows for (part,) in found] == [1, 1, 1, 1, 0]
    assert found[4][0].unknown == ["nobody"]
    assert found[3][0].table.equals(LogReader(log).read(["c2"], T0).table)


def test_two_moments_of_the_past_are_two_computations(log) -> None:
    counting = Counting(log)
    counting.go.set()
    recompute = Recompute(counting)
    for at in (T0, T0 - DAY):
        (found,) = recompute.read(["c0"], at, {})
        assert found.table.equals(LogReader(log).read(["c0"], at).table)


def test_a_computation_from_before_the_last_event_is_not_waited_for(log) -> None:
    counting = Counting(log)
    recompute = Recompute(counting)
    last = int((T0 + timedelta(seconds=1)).timestamp() * 1e6)
    with ThreadPoolExecutor(2) as pool:
        first = read_by(pool, recompute, ["c0"], T0)
        assert counting.begun.acquire(timeout=10)
        second = read_by(pool, recompute, ["c0"], T0 + timedelta(seconds=2), c0=last)
        counting.go.set()
        first.result(10)
        second.result(10)
    assert [at for _, at in counting.asked] == [T0, T0 + timedelta(seconds=2)]


def test_when_a_computation_fails_those_who_waited_compute_themselves(log) -> None:
    class Failing(Counting):
        def read(self, customer_ids, as_of):
            found = super().read(customer_ids, as_of)
            if len(self.asked) == 1:
                raise RuntimeError("first")
            return found

    failing = Failing(log)
    recompute = Recompute(failing)
    with ThreadPoolExecutor(2) as pool:
        first = read_by(pool, recompute, ["c1"], T0)
        assert failing.begun.acquire(timeout=10)
        second = read_by(pool, recompute, ["c1"], T0)
        assert not failing.begun.acquire(timeout=0.2)
        failing.go.set()
        with pytest.raises(RuntimeError):
            first.result(10)
        found = second.result(10)
    assert sum(part.table.num_rows for part in found) == 1
    assert recompute._flying == {}
