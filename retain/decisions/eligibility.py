"""Which rule forbids which action to whom, before its worth is asked."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.decisions import hindrances
from retain.decisions.actions import Action
from retain.decisions.catalogues import Catalogue
from retain.decisions.context import Context
from retain.decisions.hindrances import CONTEXT_CHANNEL, STALE_FEATURES, Forbids
from retain.rule_rows import Known

CONSENT_PROFILING = "consent_profiling"
CONSENT_PURPOSE = "consent_purpose"
CONSENT_CHANNEL = "consent_channel"
UNSUBSCRIBED = "unsubscribed"
NOT_REACHABLE = "not_reachable"
STAGE = "stage"
GOAL_REACHED = "goal_reached"
"""A rule in ``withdrawn_by`` holds, or an event that is a goal came after what is followed."""

_MOST = 4_096
"""So many answers are kept."""


class Eligibility:
    """Whether consent is known, consent, reach, context, stage and the declared rules.

    Attributes:
        hindrances: by name what may forbid an action, each once.
        orders: per action the places of its hindrances, in the order they are named in.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._forbids: list[Forbids] = []
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
        self.hindrances = list(zip(map(str, self._names), self._forbids, strict=True))
        self.orders = orders
        self._of_one = _OfOne(self._forbids, tuple(self._names), orders)
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
            forbidden[place] = forbids.rows(columns, rows, context)
        by_action = forbidden[self._orders]
        first = np.where(by_action.any(axis=1), by_action.argmax(axis=1), -1)
        hindrance = np.take_along_axis(self._orders, first, axis=1)
        names: NDArray[np.object_] = np.array(self._names, dtype=object)[hindrance].T
        return names

    def of_row(self, row: Known, context: Context) -> list[str | None]:
        """What :meth:`removed_by` says of one customer, (a,)."""
        return self._of_one.removed_by(row, context)

    def _hindrances(self, action: Action) -> Iterator[tuple[tuple[str, ...], Forbids]]:
        if action.channel == "none":
            return
        channel = action.channel
        yield (STALE_FEATURES,), hindrances.UNDECIDABLE
        yield (CONSENT_CHANNEL, channel), hindrances.withdrawn(channel)
        if not action.transactional:
            # who says what for by naming a channel means what comes over it
            purposes = (action.consent, action.purpose, channel, "all")
            yield (CONSENT_PROFILING,), hindrances.without_consent("profiling")
            yield (CONSENT_PURPOSE, *purposes), hindrances.without_consent(*purposes)
        if action.is_contact and action.consent == "marketing":
            yield (UNSUBSCRIBED,), hindrances.UNSUBSCRIBERS
        if action.is_live:
            yield (CONTEXT_CHANNEL, channel), hindrances.elsewhere(channel)
        else:
            by_default = channel in self._catalogue.config.reachable_by_default
            yield (NOT_REACHABLE, channel), hindrances.unreachable(channel, by_default=by_default)
        if action.stages:
            yield (STAGE, *action.stages), hindrances.other_stage(frozenset(action.stages))
        for name in action.conditions:
            yield (name,), hindrances.unless(self._catalogue.rules[name])
        for goal in action.withdrawn_by:
            if goal in self._catalogue.rules:
                yield (GOAL_REACHED, goal), hindrances.where(self._catalogue.rules[goal])


_Ask = tuple[int, str | None, Callable[[Known], bool], bool]
"""A rule's bit and name, whether it holds, and whether it forbids unless it does."""
_Left = tuple[int, list[_Ask]]
"""An action's place, and the rules it is yet to be asked of, in their order."""


class _OfOne:
    """The hindrances of one customer as bits of a number; no rule is asked that decides nothing.

    Args:
        hindrances: each of another bit.
        names: of each.
        orders: per action, which hindrances it has, in the order they are named in.
    """

    def __init__(
        self,
        hindrances: Sequence[Forbids],
        names: Sequence[str | None],
        orders: Sequence[list[int]],
    ) -> None:
        bits = [(1 << place, each) for place, each in enumerate(hindrances)]
        self._context = _bits_of(
            [(bit, each.one) for bit, each in bits if each.of == CONTEXT_CHANNEL]
        )
        columns = dict.fromkeys(
            each.of for each in hindrances if each.of not in (None, CONTEXT_CHANNEL)
        )
        self._columns = [
            (name, _bits_of([(bit, each.one) for bit, each in bits if each.of == name]))
            for name in columns
        ]
        self._orders = [
            [(1 << place, names[place], hindrances[place]) for place in order] for order in orders
        ]
        # many customers meet the same hindrances
        self._left = lru_cache(maxsize=_MOST)(self._left_of)

    def removed_by(self, row: Known, context: Context) -> list[str | None]:
        forbidden = self._context(context.channel)
        for column, bits_of in self._columns:
            value = row[column]
            forbidden |= bits_of(tuple(value) if isinstance(value, list) else value)
        names, left = self._left(forbidden)
        removed = list(names)
        asked = 0
        for place, rules in left:
            for bit, name, holds, unless in rules:
                if not asked & bit:
                    asked |= bit
                    if holds(row) is not unless:
                        forbidden |= bit
                if forbidden & bit:
                    removed[place] = name
                    break
        return removed

    def _left_of(self, forbidden: int) -> tuple[tuple[str | None, ...], list[_Left]]:
        """Per action what removes it by columns; of the others, the rules that are left to ask.

        An action is removed by the first of its hindrances: what stands before one that is known
        to forbid is asked all the same.
        """
        found: list[str | None] = []
        left: list[_Left] = []
        for place, order in enumerate(self._orders):
            rules: list[_Ask] = []
            name = None
            for bit, name_of, forbids in order:
                if forbids.of is None:
                    rules.append((bit, name_of, forbids.one, forbids.unless))
                elif forbidden & bit:
                    name = name_of
                    break
            found.append(name)
            if rules:
                left.append((place, rules))
        return tuple(found), left


def _bits_of(tests: Sequence[tuple[int, Callable[[Any], bool]]]) -> Callable[[Any], int]:
    """Value to the bits of the tests that forbid by it; what many customers share is kept."""

    @lru_cache(maxsize=_MOST)
    def bits(value: Any) -> int:
        return sum(bit for bit, forbids in tests if forbids(value))

    return bits
