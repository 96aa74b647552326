"""The sweeper finds rows that an edge has passed, and knows beforehand when one will."""

from datetime import timedelta
from math import inf

import pytest

from retain.clock import from_micros, to_micros
from retain.errors import StoreUnavailable
from services import sweeper
from services.sweeper import LOOK_AGAIN_SECONDS, REST_SECONDS, Sweeper
from tests.unit.services.fakes import NOW

EVERYBODY = [f"c{number}" for number in range(7)]


class World:
    """Customers with the edges of their rows, and a clock that is set."""

    def __init__(self) -> None:
        self.ends: dict[str, float] = {}
        self.looked: list[list[str]] = []
        self.marked: list[str] = []
        self.passed = 0.0
        self.fails = 0
        self.sweeper = Sweeper(
            customers=lambda after, limit: [one for one in EVERYBODY if one > after][:limit],
            ends=self.read,
            mark=self.marked.extend,
            clock=lambda: NOW + timedelta(seconds=self.passed),
            seconds=lambda: self.passed,
        )

    def read(self, ids, _at) -> list[float]:
        self.looked.append(list(ids))
        if self.fails:
            self.fails -= 1
            raise StoreUnavailable("away")
        return [self.ends.get(one, inf) for one in ids]

    def edge(self, customer: str, seconds: float) -> None:
        self.ends[customer] = to_micros(NOW) + 1e6 * seconds

    def go_on(self, seconds: float) -> None:
        """Sweep whenever it wants to, for so long."""
        until = self.passed + seconds
        while self.passed < until:
            self.passed = min(self.passed + max(self.sweeper.sweep(), 0.01), until)


@pytest.fixture
def world(monkeypatch) -> World:
    monkeypatch.setattr(sweeper, "SLICE", 3)
    return World()


def test_everybody_is_looked_at_in_slices_and_then_it_rests_and_begins_again(world) -> None:
    world.go_on(REST_SECONDS - 1)
    assert world.looked == [EVERYBODY[:3], EVERYBODY[3:6], EVERYBODY[6:]]
    world.go_on(2)
    assert world.looked[3] == EVERYBODY[:3]


def test_a_row_that_an_edge_has_passed_is_marked_when_it_is_come_across(world) -> None:
    world.edge("c1", -100)
    world.ends["c6"] = 0.0
    world.go_on(0.5)
    assert world.marked == ["c1", "c6"]


def test_a_row_is_marked_in_the_moment_its_edge_passes(world) -> None:
    world.edge("c4", 20.5)
    world.go_on(20.4)
    assert world.marked == []
    world.go_on(0.2)
    assert world.marked == ["c4"]


def test_who_was_marked_is_looked_at_again_for_the_next_edge(world) -> None:
    world.edge("c4", 10)
    world.go_on(10.1)
    # it was written again, and the next event of the same visit is a window old three seconds later
    world.edge("c4", 13)
    world.go_on(3)
    assert world.marked == ["c4", "c4"]
    assert world.looked.count(["c4"]) >= 1


def test_who_was_marked_is_looked_at_again_in_time_where_edges_pass_all_the_while(world) -> None:
    for place, customer in enumerate(EVERYBODY):
        world.edge(customer, 10 + 0.4 * place)
    world.go_on(10.1)
    # their rows are written as soon as they are marked; c0's has another edge soon
    world.edge("c0", 11.5)
    for customer in EVERYBODY[1:]:
        world.go_on(0.4)
        world.edge(customer, 1e6)
    assert world.marked.count("c0") >= 2


def test_who_is_still_due_is_marked_again_until_the_row_was_written(world) -> None:
    world.edge("c4", 10)
    world.go_on(10 + 3.5 * LOOK_AGAIN_SECONDS)
    assert world.marked == ["c4"] * 4
    world.edge("c4", 1e6)
    world.go_on(20)
    assert world.marked == ["c4"] * 4


def test_an_edge_that_has_moved_is_noted_anew(world) -> None:
    world.edge("c4", 100)
    world.go_on(1)
    world.edge("c4", 150)  # written again, because of an event
    world.go_on(139)
    assert world.marked == []
    world.go_on(10.5)
    assert world.marked == ["c4"]


def test_an_edge_far_away_is_not_noted(world) -> None:
    world.edge("c4", 86_400)
    world.go_on(1)
    assert world.sweeper._edges == []


def test_an_empty_log_is_looked_at_again_later() -> None:
    def nobody(_ids, _at):
        raise AssertionError("asked for nobody")

    sweep = Sweeper(customers=lambda *_: [], ends=nobody, mark=lambda _: None, clock=lambda: NOW)
    assert sweep.sweep() == pytest.approx(REST_SECONDS, abs=1)


def test_a_slice_that_failed_is_the_next_one_again(world) -> None:
    world.fails = 1
    with pytest.raises(StoreUnavailable):
        world.sweeper.sweep()
    world.sweeper.sweep()
    assert world.looked == [EVERYBODY[:3]] * 2


def test_who_could_not_be_looked_at_again_is_looked_at_later(world) -> None:
    world.edge("c4", 10)
    world.go_on(10.1)
    world.passed += LOOK_AGAIN_SECONDS
    world.fails = 1
    with pytest.raises(StoreUnavailable):
        world.sweeper.sweep()
    assert from_micros(int(world.ends["c4"])) < NOW + timedelta(seconds=world.passed)
    world.sweeper.sweep()
    assert world.marked == ["c4", "c4"]
