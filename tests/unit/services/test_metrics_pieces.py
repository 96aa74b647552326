"""Work beside an event loop is done in pieces, and all of it."""

import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics import pieces
from services.metrics.pieces import WORK_SECONDS, in_pieces


@given(st.lists(st.integers()))
def test_everything_comes_once_and_in_order(items: list[int]) -> None:
    assert list(in_pieces(items)) == items


def test_who_works_long_pauses_between_pieces_and_not_after_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    pauses: list[float] = []
    monkeypatch.setattr(pieces.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(pieces.time, "sleep", pauses.append)
    for _ in in_pieces(range(100)):
        clock[0] += WORK_SECONDS / 10
    assert 7 <= len(pauses) <= 10


def test_another_thread_gets_on_while_long_work_is_under_way() -> None:
    stop = threading.Event()
    waits: list[float] = []

    def loop() -> None:
        while not stop.is_set():
            before = time.perf_counter()
            time.sleep(0.0005)
            waits.append(time.perf_counter() - before)

    def turns(*, paused: bool) -> int:
        waits.clear()
        numbers = range(20_000)
        for _ in in_pieces(numbers) if paused else numbers:
            sum(range(100))
        return len(waits)

    usual = sys.getswitchinterval()
    sys.setswitchinterval(10.0)  # nobody is made to give way
    thread = threading.Thread(target=loop)
    thread.start()
    try:
        assert turns(paused=True) > turns(paused=False) + 10
    finally:
        stop.set()
        sys.setswitchinterval(usual)
        thread.join()
