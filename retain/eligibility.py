"""Which rule forbids which action to whom, before its worth is asked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.actions import Action, Catalogue
from retain.columns import Columns
from retain.context import LIVE_SURFACES, Context
from retain.rule_operations import contains

Mask = NDArray[np.bool_]

CONSENT_PROFILING = "consent_profiling"
CONSENT_PURPOSE = "consent_purpose"
CONSENT_CHANNEL = "consent_channel"
UNSUBSCRIBED = "unsubscribed"
NOT_REACHABLE = "not_reachable"
CONTEXT_CHANNEL = "context_channel"
STAGE = "stage"


class Eligibility:
    """Consent, reach, context, stage and the declared rules of one table of customers."""

    def __init__(self, catalogue: Catalogue, columns: Columns, rows: int, context: Context) -> None:
        self._catalogue = catalogue
        self._columns = columns
        self._rows = rows
        self._context = context
        self._held: dict[tuple[str, ...], Mask] = {}

    def removed_by(self) -> NDArray[np.object_]:
        """(n, a): the name of the first rule that removes the action, None where none does."""
        actions = self._catalogue.actions
        removed = np.full((self._rows, len(actions)), None, dtype=object)
        for place, action in enumerate(actions):
            kept = np.ones(self._rows, dtype=np.bool_)
            for name, forbidden in self._hindrances(action):
                removed[kept & forbidden, place] = name
                kept &= ~forbidden
        return removed

    def _hindrances(self, action: Action) -> list[tuple[str, Mask]]:
        if action.channel == "none":
            return []
        found = [(CONSENT_CHANNEL, self._in("withdrawn_channels", (action.channel,)))]
        if not action.transactional:
            purposes = (action.consent, action.purpose, "all")
            found += [
                (CONSENT_PROFILING, self._in("withdrawn_purposes", ("profiling",))),
                (CONSENT_PURPOSE, self._in("withdrawn_purposes", purposes)),
            ]
        if action.is_contact and action.consent == "marketing":
            found.append((UNSUBSCRIBED, self._unsubscribed()))
        if action.is_live:
            there = self._context.channel in LIVE_SURFACES[action.channel]
            found.append((CONTEXT_CHANNEL, np.full(self._rows, not there)))
        else:
            found.append((NOT_REACHABLE, self._unreachable(action)))
        if action.stages:
            found.append((STAGE, ~self._stage(action.stages)))
        return found + [(name, ~self._rule(name)) for name in action.eligibility]

    def _in(self, column: str, texts: Sequence[str]) -> Mask:
        return self._once(("in", column, *texts), lambda: self._contains_any(column, texts))

    def _contains_any(self, column: str, texts: Sequence[str]) -> Mask:
        lists = self._columns.get(column)
        found = np.zeros(self._rows, dtype=np.bool_)
        if lists is not None:
            for text in texts:
                found |= contains(np.array(text, dtype=object), lists, negated=False)
        return found

    def _unsubscribed(self) -> Mask:
        flags = self._columns.get("unsubscribed")
        return np.zeros(self._rows, dtype=np.bool_) if flags is None else np.equal(flags, 1)

    def _unreachable(self, action: Action) -> Mask:
        reachable = self._in("reachable_channels", (action.channel,))
        if action.channel in self._catalogue.config.reachable_by_default:
            reachable = reachable | self._reach_unknown()
        return ~reachable

    def _reach_unknown(self) -> Mask:
        lists = self._columns.get("reachable_channels")
        if lists is None:
            return np.ones(self._rows, dtype=np.bool_)
        return self._once(
            ("unknown",),
            lambda: np.array([row is None or len(row) == 0 for row in lists], dtype=np.bool_),
        )

    def _stage(self, stages: Sequence[str]) -> Mask:
        stage = self._columns.get("stage")
        if stage is None:
            return np.zeros(self._rows, dtype=np.bool_)
        return self._once(("stage", *stages), lambda: np.isin(stage.astype(str), stages))

    def _rule(self, name: str) -> Mask:
        rule = self._catalogue.rules[name]
        return self._once(("rule", name), lambda: rule.evaluate(self._columns, self._rows))

    def _once(self, key: tuple[str, ...], compute: Any) -> Mask:
        mask = self._held.get(key)
        if mask is None:
            mask = self._held[key] = compute()
        return mask
