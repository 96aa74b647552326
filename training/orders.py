"""Fits of :class:`retain.predictors.orders.Orders`: who orders again and when, with its season."""

import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.clock import to_micros
from retain.columns import Columns
from retain.features.matrix import to_matrix
from retain.manifest import ModelFeature
from retain.predictors.btyd import OrderOdds
from retain.predictors.orders import FILE_NAME
from retain.predictors.survival import Curves, Reading
from retain.predictors.trees import Floats
from training import blending, btyd, choosing, hazards, seasons, stretching
from training.anchoring import Anchor, Shift
from training.blending import FittedBlend
from training.boosting import Rows
from training.dataset import Dataset, Mask
from training.seasons import Outlook
from training.selection import choose


@dataclass(frozen=True, slots=True)
class FittedOrders:
    """A score, its curve and its level: of a season, or shifted where none is trusted."""

    fitted: FittedBlend
    curves: Curves
    outlook: Outlook | None
    shift: Shift

    def read(self, matrix: Floats, cutoffs: NDArray[np.int64]) -> Reading:
        """The curves of an (n, d) matrix, each from its own moment in epoch microseconds, (n,)."""
        score = self.fitted.blend.raw(matrix)
        return self.curves.read(score, cutoffs.astype("datetime64[us]"))

    def files(self) -> dict[str, str]:
        """The files of the predictor."""
        return {
            **self.fitted.files("model"),
            FILE_NAME: json.dumps(self.curves.hazards.to_json(), indent=1),
            "season.json": json.dumps(self.curves.clock.to_json()),
        }

    @property
    def level_notes(self) -> tuple[str, ...]:
        """What a reader of the evaluation should know of it."""
        return (seasons.sentence(self.outlook), *self.shift.sentences())

    @property
    def parameters(self) -> dict[str, Any]:
        """What a manifest says of it."""
        return {
            "bin_ends_days": self.curves.hazards.ends.tolist(),
            "rounds": self.fitted.rounds,
            "shares": self.fitted.named_shares,
            "season": seasons.described(self.outlook),
            "anchor": self.shift.described(),
        }


@dataclass(frozen=True, slots=True)
class Trained:
    """The model that is judged and the one that is registered.

    Attributes:
        held: the curves of the holdout, by a model that knew nothing of it.
        level_notes: what a reader of the evaluation should know of both levels.
    """

    features: tuple[ModelFeature, ...]
    held: Reading
    final: FittedOrders
    rows: int
    level_notes: tuple[str, ...]


def train(data: Dataset) -> Trained:
    """Fit on the plan's cutoffs."""
    plan, seed = data.plan, data.seed
    (fit, validation), holdout = choosing.rows(data), data.at(plan.holdout)
    features = choose(data.where(fit).columns)
    matrix = data.matrix(features)
    ends = hazards.bin_ends(data.horizon_days)

    def rows(mask: Mask) -> Rows:
        grouped = hazards.grouped(matrix[mask], data.days_to_order[mask], ends)
        return grouped.tuned(data.trees)

    def odds_at(columns: Columns) -> OrderOdds | None:
        return btyd.order_odds(columns, features, data.horizon_days, seed)

    def fitted(mask: Mask, people: Columns, moment: int) -> FittedOrders:
        odds, half = odds_at(people), data.half()
        unseen = data.latest(mask) & ~half
        held_out = blending.refit(chosen, rows(mask & half), features, seed, odds)
        curve = hazards.fit(held_out.blend.raw(matrix[unseen]), data.days_to_order[unseen], ends)
        whole = blending.refit(chosen, rows(mask), features, seed, odds)
        found = seasons.outlook(data.trade, moment, data.served_days, data.drawn, data.known)
        past = to_matrix(people, features)
        score = whole.blend.raw(past)
        trusted = found.trust_within(data.served_days) if found else 0.0
        anchor = Anchor(data, mask, people, moment, trusted)
        mean = hazards.mean_probability(curve, score)
        shift = anchor.buyers(mean * len(score))
        curve = hazards.levelled(curve, score, shift.factor)
        if odds and data.served_days > data.horizon_days:
            days = data.horizon_days, data.served_days
            more = stretching.buyers(odds, past, *days)
            curve = stretching.hazards(curve, score, data.served_days, more)
        clock = seasons.clock(found, curve, score, moment)
        return FittedOrders(whole, Curves(curve, clock), found, shift)

    chosen = blending.choose(
        "probability",
        rows(fit),
        rows(validation),
        features,
        seed,
        odds_at(data.where(data.at(plan.fit[-1:])).columns),
    )
    first = data.where(data.at(plan.holdout[:1])).columns
    evaluated = fitted(data.at(plan.refit), first, to_micros(plan.holdout[0]))
    final = fitted(np.ones(len(matrix), dtype=bool), data.current, data.trade.last)
    held = evaluated.read(matrix[holdout], data.cutoffs[holdout])
    notes = (*final.level_notes, *seasons.unlike(evaluated.outlook, final.outlook))
    return Trained(features, held, final, len(matrix), notes)


class Shared:
    """:func:`train` for two heads of the same customers: fitted once, whoever asks first."""

    def __init__(self) -> None:
        self._alone = Lock()
        self._trained: dict[str, Trained] = {}

    def __call__(self, data: Dataset) -> Trained:
        """The model of ``data``, which may differ between calls in its trees' parameters only."""
        with self._alone:
            trees = json.dumps(dict(data.trees), sort_keys=True)
            if trees not in self._trained:
                self._trained[trees] = train(data)
            return self._trained[trees]
