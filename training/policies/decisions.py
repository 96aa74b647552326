"""The service's own decisions as a log: receipts with the chance of every candidate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from retain import labels
from retain.clock import MICROSECONDS_PER_DAY, to_micros
from retain.columns import Columns
from retain.database import reading
from retain.decisions.receipt_text import unpack
from retain.decisions.store import decisions
from retain.errors import NotEnoughData
from retain.features.matrix import to_matrix
from retain.predictors import ResponsePredictor
from retain.predictors.trees import Floats
from training.logged import Decisions
from training.policies.evaluation import Candidate
from training.policies.log import (
    Log,
    Mask,
    always,
    among_kept,
    best,
    checked,
    shares_kept,
    uniform,
)
from training.policies.trial import NOTHING

TERMS = (
    "expected_value",
    "conversion",
    "uplift",
    "value",
    "margin",
    "contact_cost",
    "redemption_cost",
)


@dataclass(frozen=True, slots=True)
class Decided:
    """Reserved decisions, oldest first, before it is known what they brought.

    Attributes:
        log: with a reward of zero; the first action is nothing.
        moments: of each, in microseconds since the epoch.
        terms: of every candidate that no rule removed, (n, k) each; NaN for the others.
        carried_out: whether it was; doing nothing always is, (n,).
    """

    log: Log
    moments: NDArray[np.int64]
    terms: Mapping[str, Floats]
    carried_out: Mask

    def keys(self) -> pa.Table:
        """``customer_id``, ``as_of``."""
        moments = pa.array(self.moments).cast(pa.timestamp("us", "UTC"))
        return pa.table({"customer_id": pa.array(self.log.units.tolist()), "as_of": moments})

    def of_carried_out(self) -> "Decided":
        """Those that were, with the chance of each action among them."""
        done = self.carried_out
        if done.all():
            return self
        shares = shares_kept(self.log.chosen, done, len(self.log.actions))
        log = self.log.where(done)
        return Decided(
            checked(replace(log, chance=among_kept(log.chance, shares))),
            self.moments[done],
            {name: one[done] for name, one in self.terms.items()},
            done[done],
        )

    def ordered(
        self,
        orders: pa.Table,
        *,
        profit: bool,
        cost: float | None = None,
        margin: float | None = None,
    ) -> Log:
        """The log, rewarded by who ordered within the window after, or by what that earned.

        Profit is the margin of net revenue, the same whatever was done, less the cost of the
        contact where it was made. ``cost`` and ``margin`` count in place of those in the receipts.
        """
        found = labels.responses(self.keys(), orders)
        spent = self._costs(cost if profit else cost or 0.0)
        spent = spent[np.arange(len(self.log)), self.log.chosen] * self.carried_out
        if not profit:
            return self.log.rewarded(
                found.column("responded").cast(pa.float64()).to_numpy() - spent
            )
        revenue = found.column("net_revenue").cast(pa.float64()).to_numpy()
        return self.log.rewarded(self._margin(margin) * revenue - spent)

    def guess(
        self, *, profit: bool, cost: float | None = None, margin: float | None = None
    ) -> Floats:
        """What the receipts expected of every candidate, (n, k), as a reward model.

        Without any action it is what the candidates agree on: conversion less uplift.
        """
        apart = self.terms["conversion"] - self.terms["uplift"]
        without = _of_row(np.where(self._acts, apart, np.nan))
        orders = np.clip(without[:, None] + np.nan_to_num(self.terms["uplift"]), 0.0, 1.0)
        spent = self._costs(cost if profit else cost or 0.0)
        if not profit:
            return np.asarray(orders - spent)
        value = _of_row(np.where(self._acts, self.terms["value"], np.nan))
        return np.asarray(orders * value[:, None] * self._margin(margin) - spent)

    @property
    def _acts(self) -> Mask:
        """Candidates that are more than nothing, (n, k)."""
        acts = ~np.isnan(self.terms["margin"])
        acts[:, 0] = False
        return np.asarray(acts)

    def _costs(self, cost: float | None) -> Floats:
        """Of a contact with each candidate, (n, k); nothing costs nothing."""
        if cost is None:
            return np.nan_to_num(self.terms["contact_cost"])
        found = np.full(self.log.chance.shape, cost)
        found[:, 0] = 0.0
        return found

    def _margin(self, given: float | None) -> float:
        """Of revenue, whatever was done: the usual one of the candidates."""
        if given is not None:
            return given
        known = self.terms["margin"][self._acts]
        return float(np.median(known)) if len(known) else 1.0

    def policies(self) -> list[Candidate]:
        """What could have been done with the same candidates and terms."""
        log, nothing = self.log, np.zeros(len(self.log), dtype=np.intp)
        terms = {name: np.nan_to_num(one) for name, one in self.terms.items()}
        responding = (
            terms["conversion"] * terms["value"] * terms["margin"]
            - terms["contact_cost"]
            - terms["redemption_cost"]
        )
        found = [
            Candidate("logged", log.chance),
            Candidate("do nothing", always(log, nothing)),
            Candidate("any at random", uniform(log)),
            Candidate("highest expected value", best(log, terms["expected_value"])),
            Candidate("highest response", best(log, responding)),
        ]
        for place, name in enumerate(log.actions[1:], start=1):
            possible = log.chance[:, place] > 0.0
            found.append(Candidate(f"only {name}", always(log, np.where(possible, place, 0))))
        return found


def read(
    engine: Engine, known: Decisions, since: datetime | None, until: datetime, fewest: int
) -> Decided:
    """Reserved decisions in ``(since, until - 14 days]`` whose receipts say every chance.

    What was not carried out, by what is ``known``, is left out, unless it is declared to count
    as decided: nobody was treated by it.

    Raises:
        NotEnoughData: there are fewer than ``fewest``.
        InvalidInput: a receipt's probabilities are none.
    """
    last = to_micros(until) - labels.RESPONSE_WINDOW_DAYS * MICROSECONDS_PER_DAY
    names = ("decision_id", "receipt", "customer_id", "at")
    query = select(*(decisions.c[name] for name in names)).where(
        decisions.c.reserved, decisions.c.at <= last
    )
    if since is not None:
        query = query.where(decisions.c.at > to_micros(since))
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(decisions.c.at, decisions.c.decision_id)).all()
    told = [(row, receipt) for row in rows if _told(receipt := unpack(row.receipt))]
    undone = known.not_carried_out()
    found = decided(
        [receipt for _, receipt in told],
        [row.customer_id for row, _ in told],
        [row.at for row, _ in told],
        np.array([row.decision_id not in undone for row, _ in told], dtype=bool),
    )
    if known.how.not_carried_out == "excluded":
        found = found.of_carried_out()
    if len(found.log) < fewest:
        raise NotEnoughData(
            f"{fewest} decisions with the chance of every candidate are needed; there are "
            f"{len(found.log)} whose {labels.RESPONSE_WINDOW_DAYS} days are over",
            remedy="serve with exploration for a while, or evaluate --log campaigns",
        )
    return found


def decided(
    receipts: Sequence[Mapping[str, Any]],
    customers: Sequence[str],
    moments: Sequence[int],
    carried_out: Mask | None = None,
) -> Decided:
    """Receipts as a log; ``carried_out`` (n,) says which were, by default all."""
    possible = [
        {one["action_id"]: one for one in receipt["candidates"] if one["removed_by"] is None}
        for receipt in receipts
    ]
    actions = (NOTHING, *sorted({name for each in possible for name in each} - {NOTHING}))
    places = {name: place for place, name in enumerate(actions)}
    shape = (len(receipts), len(actions))
    chance = np.zeros(shape)
    terms = {name: np.full(shape, np.nan) for name in TERMS}
    for row, each in enumerate(possible):
        for name, one in each.items():
            chance[row, places[name]] = one["propensity"]
            for term in TERMS:
                value = one["terms"].get(term)
                terms[term][row, places[name]] = np.nan if value is None else value
    chosen = np.array([places[one["actions"][0]["action_id"]] for one in receipts], dtype=np.intp)
    units = np.array(customers, dtype=object)
    log = Log(actions, chosen, np.zeros(len(receipts)), chance, units)
    done = np.ones(len(receipts), dtype=bool) if carried_out is None else carried_out
    return Decided(checked(log), np.array(moments, dtype=np.int64), terms, done)


def following(given: Decided, predictor: ResponsePredictor, columns: Columns) -> Candidate:
    """The candidate with the highest expected value by ``predictor``, where it knows the action.

    ``columns`` are the customers' features at the moments of the decisions.
    """
    matrix = to_matrix(columns, predictor.manifest.features)
    treated, control = predictor.response(matrix, given.log.actions)
    terms = {name: np.nan_to_num(one) for name, one in given.terms.items()}
    gain = (treated - control) * terms["value"] * terms["margin"]
    expected = gain - terms["contact_cost"] - terms["redemption_cost"]
    score = np.where(np.isfinite(expected), expected, terms["expected_value"])
    name = predictor.manifest.name
    return Candidate(f"highest expected value by {name}", best(given.log, score), name)


def _of_row(values: Floats) -> Floats:
    """The median of each row, (n,); where a row has none, that of all rows."""
    known = ~np.isnan(values)
    usual = float(np.median(values[known])) if known.any() else 0.0
    some = known.any(axis=1)
    found = np.full(len(values), usual)
    found[some] = np.nanmedian(values[some], axis=1)
    return found


def _told(receipt: Mapping[str, Any]) -> bool:
    kept = [one for one in receipt["candidates"] if one["removed_by"] is None]
    return bool(kept) and all(one.get("propensity") is not None for one in kept)
