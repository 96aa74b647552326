"""Choosing a learner: the simplest one, unless another is better beyond chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.predictors.calibrator import Calibrator
from retain.predictors.effects import Effects, Learner
from retain.predictors.trees import Floats
from training import holm, uplift
from training.boosting import Boosted
from training.bootstrap import Bootstrap, Comparison
from training.policies import learners
from training.policies.learners import KINDS, Fitted
from training.policies.log import Codes, Mask
from training.policies.trial import Trial, mean_effects

Fold = tuple[Mask, Mask]

MOST_ROWS = 40_000
LEVEL = 0.05
_EARLY = 0.75


@dataclass(frozen=True, slots=True)
class Choice:
    """Which learner, and what it takes to fit it again on more rows.

    Attributes:
        compared: what each gained over the constant effect on later rows.
        p_values: of no difference, by Holm's correction.
        slopes: how much of each learner's spread of effects proved itself.
        rounds: of each learner's models.
        calibrators: of each learner's models.
    """

    learner: Learner
    compared: Mapping[str, Comparison]
    p_values: Mapping[str, float]
    slopes: Mapping[str, float]
    rounds: Mapping[str, Mapping[str, int]]
    calibrators: Mapping[str, Mapping[str, Calibrator | None]] = field(default_factory=dict)

    def of(self, learner: Learner) -> "Choice":
        """The same, had ``learner`` been chosen."""
        return replace(self, learner=learner)

    def fit(self, trial: Trial, seed: int) -> Fitted:
        """The chosen learner on other rows, its effects shrunk as far as they had to be."""
        fitted = learners.fit(
            self.learner,
            trial,
            seed,
            rounds=self.rounds[self.learner],
            calibrators=self.calibrators[self.learner],
        )
        return learners.levelled(fitted, self.slopes.get(self.learner, 0.0))

    def as_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return {
            "learner": self.learner,
            "criterion": "gain per customer on average over all budgets, above that of one "
            "effect for everybody, on later assignments",
            "slope": self.slopes.get(self.learner, 0.0),
            "candidates": {
                name: {
                    "gain": one.model.model_dump(),
                    "difference": one.difference.model_dump(),
                    "p_value": self.p_values[name],
                    "slope": self.slopes[name],
                }
                for name, one in self.compared.items()
            },
            "constant": next((one.rule.model_dump() for one in self.compared.values()), None),
        }

    def sentence(self) -> str:
        """Why it is this one."""
        if self.learner == "constant":
            return (
                "No learner (S, T, DR) tells customers apart beyond chance: every customer gets "
                "the action's mean effect: where it pays, the best action goes to everybody."
            )
        name = {"s": "S-learner", "t": "T-learner", "dr": "DR-learner"}[self.learner]
        gained = self.compared[self.learner].difference
        return (
            f"The {name} was chosen: on later assignments it gains {gained.value:.4f} "
            f"[{gained.low:.4f}, {gained.high:.4f}] per customer over one effect for everybody; "
            f"{self.slopes[self.learner]:.0%} of its spread of effects is kept."
        )


def choose(trial: Trial, folds: Sequence[Fold], seed: int) -> Choice:
    """Fit every learner on the first part of each fold, and compare it with the constant there.

    A learner is chosen when its gain (:func:`gain`) on the second parts is above the constant's
    with a p-value, corrected by Holm for their number, below 0.05; of several the largest gain.

    Args:
        trial: the rows, in the order of time where there is any.
        folds: what is fitted on, and what it is judged by. In time, the second part is later;
            what an answer rests on is how the last one was fitted.
        seed: of trees, draws and the bootstrap.
    """
    tried = [_try(trial.where(fit), trial.where(later), seed) for fit, later in folds]
    bootstrap = Bootstrap(np.concatenate([one.later.units for one in tried]), seed)
    ends = np.cumsum([0, *(len(one.later) for one in tried)])
    compared: dict[str, Comparison] = {}
    slopes: dict[str, float] = {}
    for name in KINDS:
        pair = (
            _joined([gain(one.shrunk(name), one.pseudo) for one in tried], ends),
            _joined([gain(one.flat, one.pseudo) for one in tried], ends),
        )
        compared[name] = bootstrap.paired(*pair)
        slopes[name] = learners.slope(
            np.vstack([side for one in tried for side in (one.said_late[name], one.said[name])]),
            np.vstack([side for one in tried for side in (one.pseudo_late, one.pseudo)]),
        )
    adjusted = holm.adjusted([one.p_value for one in compared.values()])
    p_values = dict(zip(compared, adjusted, strict=True))
    gained = {name: one.difference.value for name, one in compared.items()}
    better: list[Learner] = [
        name for name in KINDS if p_values[name] < LEVEL and gained[name] > 0.0
    ]
    fitted = tried[-1].fitted
    return Choice(
        max(better, key=lambda name: gained[name], default="constant"),
        compared,
        p_values,
        slopes,
        {name: one.rounds for name, one in fitted.items()},
        {name: one.calibrators for name, one in fitted.items()},
    )


@dataclass(frozen=True, slots=True)
class _Tried:
    """One fold: the learners, and what they and the pseudo-outcomes say of later rows."""

    fitted: Mapping[Learner, Fitted]
    later: Trial
    flat: Floats
    said: Mapping[str, Floats]
    said_late: Mapping[str, Floats]
    pseudo: Floats
    pseudo_late: Floats

    def shrunk(self, name: str) -> Floats:
        """Effects on later rows, levelled by what the rows before them showed."""
        slope = learners.slope(self.said_late[name], self.pseudo_late)
        said = self.said[name]
        return np.asarray(slope * (said - said.mean(axis=0)) + self.flat)


def _try(seen: Trial, later: Trial, seed: int) -> _Tried:
    seen, later = seen.sampled(MOST_ROWS, seed), later.sampled(MOST_ROWS, seed)
    first = np.arange(len(seen)) < int(len(seen) * _EARLY)
    early, late = seen.where(first), seen.where(~first)
    kinds: tuple[Learner, ...] = (*KINDS, "constant")
    fitted: dict[Learner, Fitted] = {}
    shared: dict[str, Boosted] = {}
    for kind in kinds:
        fitted[kind] = learners.fit(kind, early, seed, later=late, have=shared)
        shared |= fitted[kind].boosted
    models = {name: fitted[name].effects() for name in KINDS}
    return _Tried(
        fitted,
        later,
        np.tile(np.nan_to_num(mean_effects(seen)), (len(later), 1)),
        {name: _effects(model, later) for name, model in models.items()},
        {name: _effects(model, late) for name, model in models.items()},
        learners.unbiased(later, models["s"]),
        learners.unbiased(late, models["s"]),
    )


def _effects(model: Effects, trial: Trial) -> Floats:
    treated, control = model.outcomes(trial.matrix, range(len(trial.actions)))
    return treated - control


def _joined(parts: Sequence[uplift.Statistic], ends: NDArray[np.intp]) -> uplift.Statistic:
    """The mean of a statistic over folds, by their weight; their rows follow each other."""

    def of(weight: Floats) -> float:
        cut = [weight[a:b] for a, b in pairwise(ends)]
        values = [part(own) for part, own in zip(parts, cut, strict=True)]
        return float(np.average(values, weights=[own.sum() for own in cut]))

    return of


def preferred(effect: Floats) -> tuple[Codes, Floats]:
    """The action with the largest effect and that effect, (n,) each; NaN is not on offer."""
    reachable = np.where(np.isfinite(effect), effect, -np.inf)
    best = reachable.argmax(axis=1)
    return best, reachable[np.arange(len(effect)), best]


def gain(effect: Floats, pseudo: Floats) -> uplift.Statistic:
    """What following ``effect`` brings per customer, on average over all budgets.

    A budget is a share of customers; it is spent on those with the largest effects, each getting
    the action with the largest (Sverdrup et al. 2023). Both (n, k), of rows not learned from.
    """
    best, score = preferred(np.where(np.isfinite(pseudo), effect, np.nan))
    return uplift.area(pseudo[np.arange(len(best)), best], score)
