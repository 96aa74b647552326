"""Who counts in which arm."""

from datetime import UTC, datetime

import pyarrow as pa

from retain.experiments.shares import Shares
from tests.experiments import arm, one
from training.experiments.exposures import Seen, collect, of_events

TWO = one(arms=[arm("a", 0.5), arm("b", 0.5)])
SINCE = datetime(2026, 11, 10, tzinfo=UTC)
SHIFT = Shares(SINCE, {"a": 0.2, "b": 0.8}, {})
AT = 1_762_732_800_000_000 + 365 * 86_400_000_000  # SINCE


def test_the_first_exposure_counts() -> None:
    found = collect(TWO, [Seen("c1", "a", 30, None), Seen("c1", "a", 10, None)])
    assert (found.customer_id.tolist(), found.at.tolist(), found.share.tolist()) == (
        ["c1"],
        [10],
        [0.5],
    )


def test_who_met_two_arms_is_left_out_and_counted() -> None:
    seen = [Seen("c1", "a", 1, None), Seen("c1", "b", 2, None), Seen("c2", "b", 3, None)]
    found = collect(TWO, seen)
    assert (found.customer_id.tolist(), found.mixed) == (["c2"], 1)


def test_arms_nobody_declared_are_named() -> None:
    found = collect(TWO, [Seen("c1", "c", 1, None), Seen("c2", "a", 1, None)])
    assert (len(found), found.unknown) == (1, {"c": 1})


def test_shares_that_were_changed_while_it_ran_are_noticed() -> None:
    found = collect(TWO, [Seen("c1", "a", 1, None, 0.9), Seen("c2", "a", 1, None, 0.5)])
    assert found.altered == 1


def test_a_customer_counts_once_in_each_period_of_a_bandit() -> None:
    bandit = one(arms=[arm("a", 0.5), arm("b", 0.5)], bandit={"floor": 0.1})
    seen = [Seen("c1", "a", AT - 5, None), Seen("c1", "b", AT + 5, AT)]
    found = collect(bandit, seen, [SHIFT])
    assert found.arm.tolist() == [0, 1]
    assert found.share.tolist() == [0.5, 0.8]
    assert found.counts().tolist() == [[1, 0], [0, 1]]


def test_an_event_belongs_to_the_shares_in_force_when_it_happened() -> None:
    rows = pa.table({"customer_id": ["x", "y"], "at": [AT - 1, AT], "variant": ["A", "b"]})
    assert list(of_events(rows, [SHIFT])) == [Seen("x", "a", AT - 1, None), Seen("y", "b", AT, AT)]
