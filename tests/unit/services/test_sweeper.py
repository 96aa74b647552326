"""The sweeper goes over everybody, slice by slice, and marks who is due."""

import pytest

from retain.errors import StoreUnavailable
from services import sweeper
from services.sweeper import REST_SECONDS, Sweeper
from tests.unit.services.fakes import NOW

EVERYBODY = [f"c{number}" for number in range(7)]


def after(customer_id: str, limit: int) -> list[str]:
    return [one for one in EVERYBODY if one > customer_id][:limit]


@pytest.fixture(autouse=True)
def slices_of_three(monkeypatch) -> None:
    monkeypatch.setattr(sweeper, "SLICE", 3)


def test_everybody_is_looked_at_in_slices_and_then_it_rests_and_begins_again() -> None:
    looked: list[list[str]] = []
    marked: list[str] = []

    def due(ids, at):
        assert at == NOW
        looked.append(list(ids))
        return [one for one in ids if one in ("c1", "c6")]

    sweep = Sweeper(customers=after, due=due, mark=marked.extend, clock=lambda: NOW).sweep
    rests = [sweep() for _ in range(4)]
    assert looked == [EVERYBODY[:3], EVERYBODY[3:6], EVERYBODY[6:], EVERYBODY[:3]]
    assert marked == ["c1", "c6", "c1"]
    assert rests[2] == REST_SECONDS
    assert max(rests[0], rests[1]) < REST_SECONDS


def test_an_empty_log_is_looked_at_again_later() -> None:
    def nobody(_ids, _at):
        raise AssertionError("asked for nobody")

    sweep = Sweeper(customers=lambda *_: [], due=nobody, mark=lambda _: None, clock=lambda: NOW)
    assert sweep.sweep() == REST_SECONDS


def test_a_slice_that_failed_is_the_next_one_again() -> None:
    looked: list[list[str]] = []

    def due(ids, _at):
        looked.append(list(ids))
        if len(looked) == 1:
            raise StoreUnavailable("away")
        return []

    sweep = Sweeper(customers=after, due=due, mark=lambda _: None, clock=lambda: NOW).sweep
    with pytest.raises(StoreUnavailable):
        sweep()
    sweep()
    assert looked == [EVERYBODY[:3]] * 2
