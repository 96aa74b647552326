"""Backlog and lanes: what waits is bounded, and who is refused is told when to come back."""

import pytest

from services.gate.backlog import Backlog
from services.gate.lane import Lane, overloaded
from services.refusals import Overloaded


class Loop:
    """An event loop that is turned by hand."""

    def __init__(self) -> None:
        self.soon = []

    def call_soon(self, call) -> None:
        self.soon.append(call)

    def turn(self) -> None:
        due, self.soon = self.soon, []
        for call in due:
            call()


def test_who_begins_too_late_in_a_turn_of_the_loop_is_refused() -> None:
    backlog, loop = Backlog(), Loop()
    backlog.admit(loop, 100.0, 0.05)
    backlog.admit(loop, 100.049, 0.05)
    with pytest.raises(Overloaded):
        backlog.admit(loop, 100.051, 0.05)
    assert backlog.refused == 1


def test_the_next_turn_of_the_loop_begins_anew() -> None:
    backlog, loop = Backlog(), Loop()
    backlog.admit(loop, 100.0, 0.05)
    loop.turn()
    assert backlog.seconds() == 0.0
    backlog.admit(loop, 100.2, 0.05)
    assert len(loop.soon) == 1


def test_who_may_come_later_gives_way_first() -> None:
    backlog, loop = Backlog(), Loop()
    backlog.admit(loop, 100.0, 0.02)
    with pytest.raises(Overloaded):
        backlog.admit(loop, 100.03, 0.02)
    backlog.admit(loop, 100.03, 0.05)


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
