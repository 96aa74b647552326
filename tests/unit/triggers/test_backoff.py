"""Waits double up to a limit, with chance over their upper half."""

from datetime import timedelta

from retain.triggers.backoff import wait_before

FIRST, LONGEST = timedelta(seconds=5), timedelta(hours=1)


def test_waits_double_up_to_the_longest() -> None:
    waits = [wait_before(n, FIRST, LONGEST, lambda: 1.0).total_seconds() for n in range(1, 13)]
    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == 3_600
    assert wait_before(10_000, FIRST, LONGEST, lambda: 1.0) == LONGEST


def test_chance_takes_off_up_to_half() -> None:
    assert wait_before(2, FIRST, LONGEST, lambda: 0.0) == timedelta(seconds=5)
    spread = {wait_before(2, FIRST, LONGEST) for _ in range(20)}
    assert len(spread) > 1
    assert all(timedelta(seconds=5) <= one <= timedelta(seconds=10) for one in spread)
