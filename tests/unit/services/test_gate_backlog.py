"""Backlog and lanes: what waits is bounded, and who is refused is told when to come back."""

from contextlib import suppress

import pytest

from services.gate import backlog as backlog_module
from services.gate.backlog import Backlog
from services.gate.lane import Lane, overloaded
from services.refusals import Overloaded


class Loop:
    """An event loop that is turned by hand, and a clock for it."""

    def __init__(self) -> None:
        self.soon = []
        self.now = 100.0

    def call_soon(self, call) -> None:
        self.soon.append(call)

    def end_turn(self) -> None:
        due, self.soon = self.soon, []
        for call in due:
            call()


@pytest.fixture
def loop(monkeypatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr(backlog_module, "monotonic", lambda: loop.now)
    return loop


def let_in(backlog: Backlog, loop: Loop, most: float = 0.05) -> bool:
    try:
        backlog.admit(loop, loop.now, most)
    except Overloaded:
        return False
    return True


def long_turn(backlog: Backlog, loop: Loop, seconds: float) -> None:
    assert let_in(backlog, loop)
    loop.now += seconds
    loop.end_turn()


def test_who_is_let_in_is_told_how_long_they_waited(loop) -> None:
    backlog = Backlog()
    backlog.admit(loop, loop.now, 0.05)
    assert backlog.waited == 0
    loop.now += 0.25
    backlog.admit(loop, loop.now, 0.05)
    assert backlog.waited == pytest.approx(0.25)
    backlog.admit(loop, loop.now, 0.5, read_at=loop.now - 0.4)
    assert backlog.waited == pytest.approx(0.4)


def test_one_slow_answer_makes_nobody_be_refused(loop) -> None:
    backlog = Backlog()
    assert let_in(backlog, loop)
    loop.now += 10
    assert let_in(backlog, loop)


def test_who_begins_too_late_in_a_turn_after_a_long_turn_is_refused(loop) -> None:
    backlog = Backlog()
    long_turn(backlog, loop, 0.06)
    assert let_in(backlog, loop)
    loop.now += 0.049
    assert let_in(backlog, loop)
    loop.now += 0.002
    assert not let_in(backlog, loop)
    assert backlog.waited == pytest.approx(0.051)


def test_who_was_read_too_long_ago_is_refused_though_the_turn_has_just_begun(loop) -> None:
    backlog = Backlog()
    long_turn(backlog, loop, 0.06)
    read_at = loop.now - 0.06
    # one of them is let in, whoever is behind
    backlog.admit(loop, loop.now, 0.05, read_at=read_at)
    with pytest.raises(Overloaded):
        backlog.admit(loop, loop.now, 0.05, read_at=read_at)
    backlog.admit(loop, loop.now, 0.07, read_at=read_at)
    assert let_in(backlog, loop)


def test_a_few_are_let_in_however_slow_the_machine_is(loop) -> None:
    backlog = Backlog()
    long_turn(backlog, loop, 0.5)
    for _ in range(16):
        backlog.admit(loop, loop.now, 0.05, 16)
        loop.now += 0.1
    with pytest.raises(Overloaded):
        backlog.admit(loop, loop.now, 0.05, 16)


def test_the_first_request_of_a_turn_is_always_let_in(loop) -> None:
    backlog = Backlog()
    for _ in range(5):
        long_turn(backlog, loop, 1.0)


def test_after_a_pause_that_was_longer_a_long_turn_is_forgotten(loop) -> None:
    backlog = Backlog()
    long_turn(backlog, loop, 0.06)
    loop.now += 0.07
    assert let_in(backlog, loop)
    loop.now += 0.06
    assert let_in(backlog, loop)


def test_what_was_ready_at_once_is_how_many_wait_until_there_is_a_pause(loop) -> None:
    backlog = Backlog()
    assert backlog.depth() == 0
    long_turn(backlog, loop, 0.06)
    for _ in range(40):
        with suppress(Overloaded):
            backlog.admit(loop, loop.now, 0.05)
        loop.now += 0.01
    assert backlog.depth() == 40
    loop.end_turn()
    assert backlog.depth() == 40
    let_in(backlog, loop)
    assert backlog.depth() == 40
    loop.end_turn()
    loop.now += 0.5
    assert backlog.depth() == 0


def test_who_may_come_later_gives_way_first(loop) -> None:
    backlog = Backlog()
    long_turn(backlog, loop, 0.06)
    assert let_in(backlog, loop)
    loop.now += 0.04
    assert not let_in(backlog, loop, 0.03)
    assert let_in(backlog, loop, 0.05)


def test_a_lane_takes_so_many_and_then_again_when_one_has_left() -> None:
    lane = Lane("rank", most=2, seconds=1.0)
    lane.enter()
    lane.enter()
    with pytest.raises(Overloaded):
        lane.enter()
    lane.leave()
    lane.enter()
    assert (lane.busy, lane.refused) == (2, 1)


def test_a_lane_without_a_bound_refuses_nobody() -> None:
    lane = Lane("probes", most=None, seconds=1.0)
    for _ in range(10_000):
        lane.enter()
    assert lane.refused == 0


def test_those_refused_together_are_sent_away_for_different_times() -> None:
    waits = {overloaded("x").retry_after_ms for _ in range(100)}
    assert len(waits) > 50
    assert min(waits) >= 500
    assert max(waits) < 1_500
