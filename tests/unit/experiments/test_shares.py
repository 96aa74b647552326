"""The shares of bandits: recorded ahead, never changed, the same to everybody who asks."""

from datetime import timedelta
from pathlib import Path

import pytest

from retain.database import connect
from retain.errors import Conflict, InvalidInput
from retain.experiments.shares import ShareBook
from tests.catalogues import NOW
from tests.experiments import one

BANDIT = one(bandit={"floor": 0.1})
SHIFTED = {"control": 0.3, "large": 0.7}


def book(tmp_path: Path) -> ShareBook:
    return ShareBook(connect(f"sqlite:///{tmp_path / 'retain.db'}"))


def shift(to: ShareBook, of=SHIFTED, after=timedelta(hours=1), experiment=BANDIT):
    return to.record(experiment, of, since=NOW + after, now=NOW, because={})


def test_shares_hold_from_their_moment_in_every_process(tmp_path: Path) -> None:
    writer, reader = book(tmp_path), book(tmp_path)
    assert reader.at("coupons", NOW) is None
    made = shift(writer)
    assert reader.at("coupons", made.since - timedelta(seconds=1)) is None
    assert reader.at("coupons", made.since) == made
    assert writer.at("coupons", made.since) == made


def test_what_was_in_force_at_an_earlier_moment_is_found_again(tmp_path: Path) -> None:
    kept = book(tmp_path)
    first = shift(kept)
    second = shift(kept, {"control": 0.5, "large": 0.5}, timedelta(hours=9))
    assert kept.at("coupons", second.since) == second
    assert kept.at("coupons", first.since + timedelta(hours=1)) == first
    assert kept.history("coupons") == [first, second]


def test_a_shift_into_the_past_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="once a minute"):
        shift(book(tmp_path), after=timedelta(minutes=1))


def test_a_shift_before_the_last_one_is_refused(tmp_path: Path) -> None:
    kept = book(tmp_path)
    shift(kept)
    with pytest.raises(Conflict):
        shift(kept, after=timedelta(minutes=30))


@pytest.mark.parametrize("of", [{"control": 1.0}, {"control": 0.5, "large": 0.6}])
def test_shares_that_are_not_those_of_the_arms_are_refused(tmp_path: Path, of) -> None:
    with pytest.raises(InvalidInput, match="1 together"):
        shift(book(tmp_path), of)


def test_no_arm_gets_less_than_the_floor(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="floor"):
        shift(book(tmp_path), {"control": 0.05, "large": 0.95})


def test_the_shares_of_what_is_no_bandit_are_fixed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no bandit"):
        shift(book(tmp_path), experiment=one())
