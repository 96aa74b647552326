"""What may forbid an action to a customer: asked of many at once, or of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.decisions.constraints import channel_named
from retain.decisions.context import LIVE_SURFACES, Context
from retain.rules import Rule

STALE_FEATURES = "stale_features"
"""Also the column that says whose profile or orders are too old to tell whether they consent."""
CONTEXT_CHANNEL = "context_channel"

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Forbids:
    """A hindrance, asked of n rows at once or of one: both answer alike.

    Attributes:
        rows: whether it forbids, (n,).
        of: the column that ``one`` asks, ``context_channel`` of the context; None: all of them.
        one: whether it forbids by this value of the column, or to this customer.
        unless: whether it forbids unless this holds of the customer.
        rule: the rule that ``one`` is, where no column is asked.
    """

    rows: Callable[[Columns, int, Context], Mask]
    of: str | None
    one: Callable[[Any], bool]
    unless: bool = False
    rule: str = ""


def without_consent(*purposes: str) -> Forbids:
    """Whoever does not want their data used for one of ``purposes``."""
    wanted, column = frozenset(purposes), "withdrawn_purposes"

    def one(told: Sequence[str] | None) -> bool:
        # of `cross-sell` cross_sell: what is spelled otherwise is meant all the same
        return told is not None and not wanted.isdisjoint(map(channel_named, told))

    def rows_of(columns: Columns, rows: int, _: Context) -> Mask:
        lists = columns.get(column)
        if lists is None:
            return np.zeros(rows, dtype=np.bool_)
        return np.array([one(row) for row in lists])

    return Forbids(rows_of, column, one)


def withdrawn(channel: str) -> Forbids:
    """Whoever does not want to hear over ``channel``."""

    def one(channels: Sequence[str] | None) -> bool:
        return channels is not None and channel in map(channel_named, channels)

    def rows_of(columns: Columns, rows: int, _: Context) -> Mask:
        lists = columns.get("withdrawn_channels")
        if lists is None:
            return np.zeros(rows, dtype=np.bool_)
        return np.array([one(row) for row in lists])

    return Forbids(rows_of, "withdrawn_channels", one)


def _flagged(columns: Columns, rows: int, _: Context) -> Mask:
    flags = columns.get(STALE_FEATURES)
    return np.zeros(rows, dtype=np.bool_) if flags is None else flags


def _are_unsubscribed(columns: Columns, rows: int, _: Context) -> Mask:
    flags = columns.get("unsubscribed")
    return np.zeros(rows, dtype=np.bool_) if flags is None else np.equal(flags, 1)


UNDECIDABLE = Forbids(_flagged, STALE_FEATURES, bool)
UNSUBSCRIBERS = Forbids(
    _are_unsubscribed,
    None,
    lambda row: bool(row["unsubscribed"] == 1),
    rule="unsubscribed == 1",
)


def elsewhere(channel: str) -> Forbids:
    """Whoever is not where ``channel`` is shown."""
    surfaces = LIVE_SURFACES[channel]
    return Forbids(
        lambda _, rows, context: np.full(rows, context.channel not in surfaces),
        CONTEXT_CHANNEL,
        lambda channel: channel not in surfaces,
    )


def unreachable(channel: str, *, by_default: bool) -> Forbids:
    """Whoever cannot be reached over ``channel``; ``by_default``: who said nothing can."""

    def one(channels: Sequence[str] | None) -> bool:
        if channels is None or not len(channels):
            return not by_default
        return channel not in map(channel_named, channels)

    def rows_of(columns: Columns, rows: int, _: Context) -> Mask:
        lists = columns.get("reachable_channels")
        if lists is None:
            return np.full(rows, not by_default)
        return np.array([one(row) for row in lists])

    return Forbids(rows_of, "reachable_channels", one)


def other_stage(stages: frozenset[str]) -> Forbids:
    """Whoever is in none of ``stages``."""

    def rows_of(columns: Columns, rows: int, _: Context) -> Mask:
        stage = columns.get("stage")
        if stage is None:
            return np.ones(rows, dtype=np.bool_)
        return np.array([each not in stages for each in stage])

    return Forbids(rows_of, "stage", lambda stage: stage not in stages)


def unless(rule: Rule) -> Forbids:
    """Whoever the rule does not hold of."""
    return Forbids(
        lambda columns, rows, _: ~rule.evaluate(columns, rows),
        None,
        rule.of_row,
        unless=True,
        rule=rule.text,
    )


def where(rule: Rule) -> Forbids:
    """Whoever the rule holds of."""
    return Forbids(
        lambda columns, rows, _: rule.evaluate(columns, rows), None, rule.of_row, rule=rule.text
    )
