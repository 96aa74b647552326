"""Going round the customers: everybody once a round, in slices, survivors only."""

from datetime import datetime

import pytest

from retain.features.reader import Features
from services import trigger_rounds
from services.trigger_rounds import REST_SECONDS, Rounder
from tests.unit.services.fakes import NOW, FakeReader, FakeScorer


class Rounds:
    """Notes who was judged, and when a round was complete."""

    def __init__(self, *, any_there: bool = True) -> None:
        self.any_there = any_there
        self.slices: list[list[str]] = []
        self.completed = 0

    def __bool__(self) -> bool:
        return self.any_there

    def take(self, customer_ids, columns, now) -> int:
        assert len(columns["churn_probability"]) == len(customer_ids)
        self.slices.append(list(customer_ids))
        return 1

    def complete(self) -> None:
        self.completed += 1


class MergedReader(FakeReader):
    """``b`` was merged into another customer."""

    def read(self, customer_ids, as_of: datetime) -> Features:
        found = super().read(customer_ids, as_of)
        found.merged_into.update({"b": "a"} if "b" in customer_ids else {})
        return found


def rounder(rounds: Rounds, everybody: str) -> Rounder:
    ids = sorted(everybody)
    return Rounder(
        rounds=rounds,
        customers=lambda after, most: [one for one in ids if one > after][:most],
        reader=MergedReader(ids),
        scorer=FakeScorer(),
        clock=lambda: NOW,
    )


@pytest.fixture(autouse=True)
def slices_of_two(monkeypatch) -> None:
    monkeypatch.setattr(trigger_rounds, "SLICE", 2)


def test_everybody_is_judged_once_a_round_but_merged_ids() -> None:
    rounds = Rounds()
    going = rounder(rounds, "abcde")
    rests = [going.go_on()[1] for _ in range(3)]
    assert rounds.slices == [["a"], ["c", "d"], ["e"]]
    assert rounds.completed == 1
    assert rests[-1] == REST_SECONDS
    going.go_on()
    assert rounds.slices[3] == ["a"]


def test_a_shop_without_customers_has_quick_rounds() -> None:
    rounds = Rounds()
    assert rounder(rounds, "").go_on() == (0, REST_SECONDS)
    assert rounds.slices == []


def test_nobody_is_scored_where_no_trigger_asks_for_it() -> None:
    rounds = Rounds(any_there=False)
    assert rounder(rounds, "abc").go_on() == (0, REST_SECONDS)
    assert rounds.slices == []
    assert rounds.completed == 0
