"""Choosing a learner: a simple one, shrunk as far as later rows confirm it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.predictors.calibrator import Calibrator
from retain.predictors.effects import Learner
from retain.predictors.trees import Floats
from training import holm, uplift
from training.bootstrap import Bootstrap, Comparison
from training.policies import learners, levelling
from training.policies.learners import KINDS, Fitted
from training.policies.log import Codes, Mask
from training.policies.rehearsal import Rehearsal, rehearsed, slope, slope_without
from training.policies.trial import Trial

Fold = tuple[Mask, Mask]

STANDARD: Learner = "s"
NAMES: Mapping[str, str] = {
    "proportional": "effect in proportion to the response",
    "s": "S-learner",
    "t": "T-learner",
    "dr": "DR-learner",
}
LEVEL = 0.05
CONSTANT: Learner = "constant"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which learner, and what it takes to fit it again on more rows.

    Attributes:
        compared: what each gained over the constant effect on later rows.
        explained: the squared error of what chance's decisions changed there, less than by it.
        slopes: how much of each learner's spread of effects proved itself.
        rounds: of each learner's models.
        calibrators: of each learner's models.
    """

    learner: Learner
    compared: Mapping[Learner, Comparison]
    explained: Mapping[Learner, Comparison]
    slopes: Mapping[Learner, float]
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
        return levelling.levelled(fitted, self.slopes.get(self.learner, 0.0))

    def as_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return {
            "learner": self.learner,
            "criterion": "the S-learner as far as later assignments show its spread of effects, "
            "unless another explains more of them beyond chance",
            "slope": self.slopes.get(self.learner, 0.0),
            "candidates": {
                name: {
                    "gain": one.model.model_dump(),
                    "difference": one.difference.model_dump(),
                    "p_value": one.p_value,
                    "explained": self.explained[name].difference.model_dump(),
                    "slope": self.slopes[name],
                }
                for name, one in self.compared.items()
            },
            "constant": next((one.rule.model_dump() for one in self.compared.values()), None),
        }

    def sentence(self) -> str:
        """Why it is this one."""
        if self.learner == CONSTANT:
            return (
                "No learner tells customers apart on later assignments: every customer gets the "
                "action's mean effect: where it pays, the best action goes to everybody."
            )
        gained = self.compared[self.learner].difference
        proven = "" if gained.low > 0.0 else ", which is within chance"
        return (
            f"The {NAMES[self.learner]} was chosen; {self.slopes[self.learner]:.0%} of its spread "
            "of effects is kept, as far as later assignments show it. There it gains "
            f"{gained.value:.4f} [{gained.low:.4f}, {gained.high:.4f}] per customer over one "
            f"effect for everybody{proven}."
        )


def choose(trial: Trial, folds: Sequence[Fold], seed: int) -> Choice:
    """Fit every learner on the first part of each fold, and compare them on the second parts.

    The S-learner where its spread of effects is there at all (:func:`levelling.slope` above
    zero), else one effect for everybody; unless another explains more of what came of chance's
    decisions (:meth:`Rehearsal.explained`) beyond chance: a p-value below 0.05 after Holm's
    correction.

    Args:
        trial: the rows, in the order of time where there is any.
        folds: what is fitted on, and what it is judged by. In time, the second part is later;
            what an answer rests on is how the last one was fitted.
        seed: of trees, draws and the bootstrap.
    """
    tried = [rehearsed(trial.where(fit), trial.where(later), seed) for fit, later in folds]
    parts = [part for one in tried for part in (one.late, one.later)]
    slopes = {name: slope(parts, name) for name in KINDS}
    said = {
        name: [one.shrunk(name, slope_without(at, tried, name)) for at, one in enumerate(tried)]
        for name in KINDS
    }
    judge = _Judge(tried, seed)
    gained = {name: judge.gained(own) for name, own in said.items()}
    explained = {name: judge.explained(own) for name, own in said.items()}
    standard = STANDARD if slopes[STANDARD] > 0.0 else CONSTANT
    usual = said.get(standard, [one.flat for one in tried])
    rivals = [name for name in KINDS if slopes[name] > 0.0 and name != standard]
    over = {name: judge.explained(said[name], usual) for name in rivals}
    p_values = holm.adjusted([one.p_value for one in over.values()])
    better = [
        name
        for (name, one), p_value in zip(over.items(), p_values, strict=True)
        if p_value < LEVEL and one.difference.value > 0.0
    ]
    fitted = tried[-1].fitted
    return Choice(
        max(better, key=lambda name: over[name].difference.value, default=standard),
        gained,
        explained,
        slopes,
        {name: one.rounds for name, one in fitted.items()},
        {name: one.calibrators for name, one in fitted.items()},
    )


class _Judge:
    """The later rows of all folds, resampled by customer."""

    def __init__(self, tried: Sequence[Rehearsal], seed: int) -> None:
        self._tried = tried
        units = np.concatenate([one.later.rows.units for one in tried])
        self._bootstrap = Bootstrap(units, seed)
        self._pseudo = [one.pseudo for one in tried]
        self._ends = np.cumsum([0, *(len(one) for one in self._pseudo)])
        self._flat = [one.flat for one in tried]

    def gained(self, effects: Sequence[Floats]) -> Comparison:
        """The gain by these effects on the rows of each fold, over that of one for everybody."""
        return self._bootstrap.paired(self._gain(effects), self._gain(self._flat))

    def explained(
        self, effects: Sequence[Floats], others: Sequence[Floats] | None = None
    ) -> Comparison:
        """What these effects explain of the outcomes, over what ``others`` do."""
        return self._bootstrap.paired(
            self._explained(effects), self._explained(self._flat if others is None else others)
        )

    def _explained(self, effects: Sequence[Floats]) -> uplift.Statistic:
        pairs = zip(self._tried, effects, strict=True)
        terms = np.concatenate([one.explained(own) for one, own in pairs])
        return lambda weight: float(np.average(terms, weights=weight))

    def _gain(self, effects: Sequence[Floats]) -> uplift.Statistic:
        pairs = zip(effects, self._pseudo, strict=True)
        return _joined([gain(own, pseudo) for own, pseudo in pairs], self._ends)


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
