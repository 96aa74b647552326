"""Writing behind: soon, in batches, and never in the way."""

import threading

import pytest

from retain import write_behind
from retain.errors import StoreUnavailable
from retain.write_behind import WriteBehind


def test_an_item_is_written_by_the_thread():
    written = threading.Event()
    behind = WriteBehind(lambda items: written.set())
    behind.put("a", 1)
    assert written.wait(5)
    behind.close()


def test_an_item_can_be_read_while_it_waits_and_not_after():
    behind = WriteBehind(lambda items: None)
    behind.put("a", 1)
    assert behind.get("a") in {1, None}
    behind.flush()
    assert behind.get("a") is None
    behind.close()


def test_closing_writes_what_waits_in_order():
    written = []
    behind = WriteBehind(written.extend)
    for number in range(1200):
        behind.put(str(number), number)
    behind.close()
    assert written == list(range(1200))


def test_a_store_that_is_away_loses_nothing(monkeypatch):
    written, away = [], True

    def write(items):
        if away:
            raise StoreUnavailable("away")
        written.extend(items)

    behind = WriteBehind(write)
    behind.put("a", 1)
    with pytest.raises(StoreUnavailable):
        behind.flush()
    away = False
    behind.close()
    assert written == [1]


def test_too_many_waiting_are_dropped_and_counted(monkeypatch):
    monkeypatch.setattr(write_behind, "MOST_WAITING", 2)
    monkeypatch.setattr(write_behind, "PAUSE_SECONDS", 60)
    written, lost = [], []
    behind = WriteBehind(written.extend, lost.append)
    for number in range(5):
        behind.put(str(number), number)
    behind.close()
    assert (written, behind.dropped, sum(lost)) == ([0, 1], 3, 3)


def test_what_can_never_be_written_is_dropped_counted_and_does_not_block(caplog):
    written = []

    def write(items):
        if "bad" in items:
            raise TypeError("not writable")
        written.extend(items)

    behind = WriteBehind(write)
    behind.put("a", "bad")
    behind.flush()
    behind.put("b", "good")
    behind.close()
    assert (written, behind.dropped) == (["good"], 1)


def test_what_comes_while_a_batch_is_written_waits_for_more(monkeypatch):
    monkeypatch.setattr("retain.write_behind.PAUSE_SECONDS", 60)
    written = []

    def write(items):
        written.append(items)
        behind.put(f"after {items[0]}", f"after {items[0]}")

    behind = WriteBehind(write)
    behind.put("a", "a")
    behind.flush()
    assert written == [["a"]]
    assert behind.get("after a") == "after a"
    behind.flush()
    assert written == [["a"], ["after a"]]
