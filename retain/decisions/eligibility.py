"""Which rule forbids which action to whom, before its worth is asked."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.decisions.actions import Action, Catalogue
from retain.decisions.context import LIVE_SURFACES, Context
from retain.rules import Rule

STALE_FEATURES = "stale_features"
"""Also the column that says whose profile or orders are too old to tell whether they consent."""
CONSENT_PROFILING = "consent_profiling"
CONSENT_PURPOSE = "consent_purpose"
CONSENT_CHANNEL = "consent_channel"
UNSUBSCRIBED = "unsubscribed"
NOT_REACHABLE = "not_reachable"
CONTEXT_CHANNEL = "context_channel"
STAGE = "stage"

Mask = NDArray[np.bool_]
_Forbids = Callable[[Columns, int, Context], Mask]


class Eligibility:
    """Whether consent is known, consent, reach, context, stage and the declared rules."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._forbids: list[_Forbids] = []
        self._names: list[str | None] = []
        known: dict[tuple[str, ...], int] = {}
        orders: list[list[int]] = []
        for action in catalogue.actions:
            order = []
            for key, forbids in self._hindrances(action):
                if key not in known:
                    known[key] = len(self._names)
                    self._names.append(key[0])
                    self._forbids.append(forbids)
                order.append(known[key])
            orders.append(order)
        nothing = len(self._names)
        self._names.append(None)
        longest = max(len(order) for order in orders)
        # (a, h): the hindrances of each action in order, filled up with the one that never is
        self._orders = np.array(
            [order + [nothing] * (longest + 1 - len(order)) for order in orders]
        )

    def removed_by(self, columns: Columns, rows: int, context: Context) -> NDArray[np.object_]:
        """(n, a): the name of the first rule that removes the action, None where none does."""
        forbidden = np.zeros((len(self._names), rows), dtype=np.bool_)
        for place, forbids in enumerate(self._forbids):
            forbidden[place] = forbids(columns, rows, context)
        by_action = forbidden[self._orders]
        first = np.where(by_action.any(axis=1), by_action.argmax(axis=1), -1)
        hindrance = np.take_along_axis(self._orders, first, axis=1)
        names: NDArray[np.object_] = np.array(self._names, dtype=object)[hindrance].T
        return names

    def _hindrances(self, action: Action) -> Iterator[tuple[tuple[str, ...], _Forbids]]:
        if action.channel == "none":
            return
        channel = action.channel
        yield (STALE_FEATURES,), _undecidable
        yield (CONSENT_CHANNEL, channel), _named_in("withdrawn_channels", channel)
        if not action.transactional:
            purposes = (action.consent, action.purpose, "all")
            yield (CONSENT_PROFILING,), _named_in("withdrawn_purposes", "profiling")
            yield (CONSENT_PURPOSE, *purposes), _named_in("withdrawn_purposes", *purposes)
        if action.is_contact and action.consent == "marketing":
            yield (UNSUBSCRIBED,), _unsubscribed
        if action.is_live:
            yield (CONTEXT_CHANNEL, channel), _elsewhere(channel)
        else:
            by_default = channel in self._catalogue.config.reachable_by_default
            yield (NOT_REACHABLE, channel), _unreachable(channel, by_default=by_default)
        if action.stages:
            yield (STAGE, *action.stages), _other_stage(frozenset(action.stages))
        for name in action.eligibility:
            yield (name,), _unless(self._catalogue.rules[name])


def _named_in(column: str, *texts: str) -> _Forbids:
    wanted = frozenset(texts)

    def forbids(columns: Columns, rows: int, _: Context) -> Mask:
        lists = columns.get(column)
        if lists is None:
            return np.zeros(rows, dtype=np.bool_)
        return np.array([row is not None and not wanted.isdisjoint(row) for row in lists])

    return forbids


def _undecidable(columns: Columns, rows: int, _: Context) -> Mask:
    flags = columns.get(STALE_FEATURES)
    return np.zeros(rows, dtype=np.bool_) if flags is None else flags


def _unsubscribed(columns: Columns, rows: int, _: Context) -> Mask:
    flags = columns.get("unsubscribed")
    return np.zeros(rows, dtype=np.bool_) if flags is None else np.equal(flags, 1)


def _elsewhere(channel: str) -> _Forbids:
    surfaces = LIVE_SURFACES[channel]
    return lambda _, rows, context: np.full(rows, context.channel not in surfaces)


def _unreachable(channel: str, *, by_default: bool) -> _Forbids:
    def forbids(columns: Columns, rows: int, _: Context) -> Mask:
        lists = columns.get("reachable_channels")
        if lists is None:
            return np.full(rows, not by_default)
        return np.array(
            [
                channel not in row if row is not None and len(row) else not by_default
                for row in lists
            ]
        )

    return forbids


def _other_stage(stages: frozenset[str]) -> _Forbids:
    def forbids(columns: Columns, rows: int, _: Context) -> Mask:
        stage = columns.get("stage")
        if stage is None:
            return np.ones(rows, dtype=np.bool_)
        return np.array([each not in stages for each in stage])

    return forbids


def _unless(rule: Rule) -> _Forbids:
    return lambda columns, rows, _: ~rule.evaluate(columns, rows)
