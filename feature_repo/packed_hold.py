"""One customer's packed rows as they hold at a moment: every number, aged, in one go."""

from collections.abc import Callable, Sequence
from typing import Any

from feature_repo.packed_codec import NO_TIME
from feature_repo.packed_one import Floats, OnePlan
from retain import native
from retain.features.ageing import OVER, SINCE, STORED_NUMBERS, UNDER, UNTIL
from retain.one.features import aged

_COMPILED = native.compiled("cuts")
_MANY = len(STORED_NUMBERS)
Hold = Callable[[Sequence[Any], int, int], tuple[Floats, int] | None]
"""Of a line, the first of its cells and a moment: the read-time numbers, (67,), and when the view
written first was computed, in epoch microseconds; None where the rows are not as planned, are of
later or do not hold until then."""


def hold_of(plan: OnePlan) -> Hold:
    """The fastest there is."""
    return plain(plan) if _COMPILED is None else compiled(plan, _COMPILED)


def plain(plan: OnePlan) -> Hold:
    """What says what the numbers are."""

    def hold(line: Sequence[Any], first: int, moment: int) -> tuple[Floats, int] | None:
        read = plan.read(line[first:])
        if read is None or read.newest > moment:
            return None
        for end in read.values[_MANY:].tolist():
            if end <= moment:
                return None
        return aged(read.values[:_MANY], moment), read.oldest

    return hold


def compiled(plan: OnePlan, module: Any) -> Hold:
    """The same in C."""
    places = tuple(
        (
            one.mark,
            one.width,
            one.floats.start,
            (one.floats.stop - one.floats.start) // 8,
            one.ints.start,
            (one.ints.stop - one.ints.start) // 8,
        )
        for one in plan.places
    )
    made = module.Cut(places, plan.order, _MANY, NO_TIME, SINCE, UNTIL, OVER, UNDER)
    hold: Hold = made.hold
    return hold
