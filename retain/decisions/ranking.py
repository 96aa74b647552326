"""Ranking: every action for every customer, its worth in terms, and what removed the losers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns
from retain.decisions.actions import NONE, Catalogue
from retain.decisions.candidate import Candidate, Terms
from retain.decisions.caps import ContactState, Limiter, Limits
from retain.decisions.context import Context
from retain.decisions.eligibility import Eligibility
from retain.decisions.send_times import SendTimes
from retain.decisions.worth import Appraiser, ResponseModel, Worth
from retain.items.suggestions import SOURCES, Suggestions

NOT_WORTH_IT = "not_worth_it"
VALUE_UNKNOWN = "value_unknown"
ITEMS = 5
_NOBODY: NDArray[np.object_] = np.array(None, dtype=object)


class Ranker:
    """Ranks the catalogue's actions; deterministic, so every propensity is 1."""

    def __init__(self, catalogue: Catalogue, response: ResponseModel | None = None) -> None:
        self.catalogue = catalogue
        self.limiter = Limiter(catalogue)
        self._eligibility = Eligibility(catalogue)
        self._appraiser = Appraiser(catalogue, response)

    def rank(
        self,
        columns: Columns,
        customer_ids: Sequence[str],
        *,
        now: datetime,
        context: Context | None = None,
        suggestions: Suggestions | None = None,
    ) -> "Ranking":
        """Rank for n customers as of ``now``, before caps.

        Args:
            columns: n rows of what rules read (see :func:`retain.decisions.columns.of_scores`); a
                column that is not there is missing for everybody.
            customer_ids: the n customers, in the order of the rows.
            now: the moment of the decision, UTC.
            context: of a live request.
            suggestions: what the customers may buy next, in the order of the rows.
        """
        rows, moment = len(customer_ids), context or Context()
        known = {**columns, **moment.columns(rows)}
        removed = self._eligibility.removed_by(known, rows, moment)
        worth = self._appraiser.appraise(known, rows)
        _remove_worthless(self.catalogue, removed, worth)
        kept = np.equal(removed, _NOBODY)
        order = np.argsort(np.where(kept, -worth.expected, np.inf), axis=1, kind="stable")
        customers = tuple(customer_ids)
        return Ranking(self, customers, known, now, moment, removed, worth, order, suggestions)


@dataclass(frozen=True)
class Ranking:
    """The ranking of n customers; ``of`` reads one of them.

    Attributes:
        removed: (n, a) name of the rule that removed the action, or None.
        worth: terms, each (n, a).
        order: (n, a) positions in the catalogue, best first, removed ones last.
    """

    ranker: Ranker
    customer_ids: tuple[str, ...]
    columns: Columns
    now: datetime
    context: Context
    removed: NDArray[np.object_]
    worth: Worth
    order: NDArray[np.int64]
    suggestions: Suggestions | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue that was ranked."""
        return self.ranker.catalogue

    def limits(self, row: int) -> Limits:
        """The caps that hold for this customer."""
        own = self._value("max_contacts_per_week", row)
        return self.ranker.limiter.of(
            self.customer_ids[row],
            None if own is None or np.isnan(own) else float(own),
            self.worth.redemption_cost[row],
        )

    def prepare_items(self) -> None:
        """Compute at once what the best actions of all customers will suggest."""
        if self.suggestions is None:
            return
        wanting = np.array(
            [not SOURCES.keys().isdisjoint(each.items) for each in self.catalogue.actions]
        )
        rows = np.flatnonzero(wanting[self.order[:, 0]])
        self.suggestions.prepare(rows.tolist())

    def best(self, row: int, state: ContactState | None = None) -> Candidate:
        """The best action that no cap forbids, without looking at the others."""
        limits, actions = self.limits(row), self.catalogue.actions
        for place in self.order[row]:
            action = actions[place]
            if self.removed[row, place] is None and (
                state is None or limits.forbid(action, state, self.now) is None
            ):
                return self._candidate(row, int(place))
        raise AssertionError(f"the catalogue always has {NONE}")

    def candidates(self, row: int, state: ContactState | None = None) -> list[Candidate]:
        """Every action for this customer, best first; then the removed ones with the rule.

        Args:
            row: which customer.
            state: contacts made, which caps are counted over; None counts none.
        """
        limits = self.limits(row)
        found = [self._candidate(row, int(place)) for place in self.order[row]]
        if state is not None:
            found = [
                replace(each, removed_by=limits.forbid(each.action, state, self.now))
                if each.removed_by is None
                else each
                for each in found
            ]
        return sorted(found, key=lambda each: each.removed_by is not None)

    @cached_property
    def _send_times(self) -> SendTimes:
        return SendTimes(self.catalogue.config, self.now)

    def _candidate(self, row: int, place: int) -> Candidate:
        action, worth = self.catalogue.actions[place], self.worth
        hour = self._value("usual_order_hour", row)
        return Candidate(
            action=action,
            treatment=action.treatments[worth.treatment[row, place]],
            terms=Terms(
                basis="model" if worth.modelled[row, place] else "prior",
                conversion=_known(worth.conversion[row, place]),
                uplift=_known(worth.uplift[row, place]),
                value=_known(worth.value[row, place]),
                margin=action.margin,
                contact_cost=action.contact_cost,
                redemption_cost=_known(worth.redemption_cost[row, place]),
                lever=action.lever,
                expected_value=_known(worth.expected[row, place]),
            ),
            items=self._items(row, place),
            send_at=self._send_times.send_at(
                action, self._value("time_zone", row), np.nan if hour is None else float(hour)
            ),
            removed_by=self.removed[row, place],
        )

    def _items(self, row: int, place: int) -> tuple[str, ...]:
        for source in self.catalogue.actions[place].items:
            if items := self._of_source(source, row):
                return tuple(items[:ITEMS])
        return ()

    def _of_source(self, source: str, row: int) -> list[str]:
        suggested = self.suggestions
        if source in SOURCES:
            return [] if suggested is None else suggested.items(source, row, ITEMS)
        items = [str(item) for item in self._value(source, row) or ()]
        # what was bought is spoken of, not offered: a review is asked for also when it is sold out
        if suggested is None or source == "last_products":
            return items
        return suggested.in_stock(items)

    def _value(self, name: str, row: int) -> Any:
        column = self.columns.get(name)
        return None if column is None else column[row]


def _remove_worthless(catalogue: Catalogue, removed: NDArray[np.object_], worth: Worth) -> None:
    nothing = [action.id for action in catalogue.actions].index(NONE)
    worth.expected[:, nothing] = 0.0
    kept = np.equal(removed, _NOBODY)
    kept[:, nothing] = False
    removed[kept & np.isnan(worth.expected)] = VALUE_UNKNOWN
    removed[kept & (worth.expected <= 0)] = NOT_WORTH_IT


def _known(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
