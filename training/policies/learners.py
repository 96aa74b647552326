"""Learners of uplift: S, T and DR behind one function, and the constant they have to beat.

Sources: S. Künzel et al., "Metalearners for estimating heterogeneous treatment effects" (2019);
E. Kennedy, "Towards optimal doubly robust estimation of heterogeneous causal effects" (2020).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retain.manifest import ModelFeature
from retain.predictors.calibrator import Calibrator, Platt
from retain.predictors.effects import MODELS, Effects, Learner, Level, Scored, columns, design
from retain.predictors.trees import Floats, Trees
from training import boosting, calibration
from training.boosting import Boosted, Rows
from training.policies.means import mean_effects
from training.policies.trial import (
    Trial,
    pseudo_outcomes,
)

KINDS: tuple[Learner, ...] = ("proportional", "s", "t", "dr")
"""Those that tell customers apart."""

_OUTCOME: dict[str, Any] = {"num_leaves": 8, "feature_fraction": 0.7, "learning_rate": 0.04}
# an effect is far smaller than the noise around it: slower, with larger leaves
_EFFECT: dict[str, Any] = {
    "num_leaves": 5,
    "feature_fraction": 0.7,
    "learning_rate": 0.02,
    "lambda_l2": 100.0,
}
_LEAVES_OF_AN_EFFECT = 40
ROWS_OF_A_MEAN = 50_000


@dataclass(frozen=True, slots=True)
class Fitted:
    """A learner on some rows, as it is served.

    Attributes:
        boosted: its models by name.
        calibrators: of those that predict an outcome.
        factors: of ``proportional``: what each action adds over what is expected with it, (k,).
    """

    learner: Learner
    trial: Trial
    boosted: Mapping[str, Boosted]
    calibrators: Mapping[str, Calibrator | None]
    level: Level
    factors: Floats | None = None

    @property
    def rounds(self) -> dict[str, int]:
        """Of each model."""
        return {name: one.rounds for name, one in self.boosted.items()}

    def effects(self) -> Effects:
        """What predicts."""
        models = {
            name: Scored(Trees(one.text), self.calibrators.get(name))
            for name, one in self.boosted.items()
        }
        trial = self.trial
        return Effects(
            self.learner,
            len(trial.actions),
            trial.separate,
            models,
            self.level,
            trial.binary,
            self.factors,
        )

    def side(self) -> dict[str, Any]:
        """What stands in ``effects.json`` beside the models."""
        found = {name: one for name, one in self.calibrators.items() if one is not None}
        return {
            "learner": self.learner,
            "separate": self.trial.separate,
            "level": self.level.to_json(),
            "calibration": {name: one.to_json() for name, one in found.items()},
            **({} if self.factors is None else {"factors": self.factors.tolist()}),
        }

    def files(self) -> dict[str, str]:
        """LightGBM's text of each model, by file name."""
        return {f"{name}.txt": one.text for name, one in self.boosted.items()}


def fit(
    learner: Learner,
    trial: Trial,
    seed: int,
    *,
    later: Trial | None = None,
    rounds: Mapping[str, int] | None = None,
    calibrators: Mapping[str, Calibrator | None] | None = None,
    have: Mapping[str, Boosted] | None = None,
) -> Fitted:
    """Fit one learner; its effects are levelled to the measured means and not yet shrunk.

    Args:
        learner: which one.
        trial: what is learned from.
        seed: of the trees.
        later: rows that say when to stop and what a score means, where ``rounds`` and
            ``calibrators`` do not.
        rounds: of each model, as an earlier fit found them.
        calibrators: as an earlier fit found them.
        have: models that another learner fitted on the same rows.
    """
    boosted: dict[str, Boosted] = {}
    known = dict(rounds or {})
    targets = _crossed(trial, seed, known) if learner == "dr" else None
    for name in MODELS[learner]:
        if have and name in have:
            boosted[name] = have[name]
            continue
        rows = _effect_rows(trial, targets) if name == "effect" else outcome_rows(name, trial)
        stop = None
        if later is not None and name not in known:
            stop = (
                _effect_rows(later, _unseen(later, trial, seed, known))
                if name == "effect"
                else outcome_rows(name, later)
            )
        boosted[name] = _boosted(name, rows, stop, trial, seed=seed, rounds=known.get(name))
    if calibrators is None:
        seen = [later] if later is not None else []
        calibrators = {name: calibrated(name, one, trial, *seen) for name, one in boosted.items()}
    unlevelled = Level(1.0, np.zeros(len(trial.actions)))
    fitted = Fitted(learner, trial, boosted, calibrators, unlevelled)
    return replace(fitted, factors=_factors(fitted)) if learner == "proportional" else fitted


def on_offer(trial: Trial, model: Effects) -> tuple[Floats, Floats]:
    """What is expected with each action and without, over the rows it was on offer to, (k,)."""
    found = np.zeros((2, len(trial.actions)))
    # one action after the other: of all at once the rows of a large trial would be gigabytes
    for place in range(len(trial.actions)):
        rows = trial.matrix[trial.offered[:, place]]
        if len(rows):
            found[:, place] = [side.mean() for side in model.outcomes(rows, [place])]
    return found[0], found[1]


def centred(values: Floats) -> Floats:
    """Each column less its mean over the rows that have a value, (n, k)."""
    count = np.isfinite(values).sum(axis=0)
    return np.asarray(values - np.nansum(values, axis=0) / np.maximum(count, 1))


def outcome_rows(name: str, trial: Trial) -> Rows:
    """What model ``name`` of an outcome is fitted on: all rows, or those of one side."""
    if name == "control":
        trial = trial.where(trial.arm == 0)
    elif name == "treated":
        trial = trial.where(trial.arm > 0)
    return Rows.of(inputs(name, trial), trial.outcome)


def inputs(name: str, trial: Trial) -> Floats:
    """The input of model ``name`` for the rows as they were assigned."""
    return design(
        name,
        trial.matrix,
        trial.codes,
        trial.treated,
        len(trial.actions),
        separate=trial.separate,
    )


def calibrated(name: str, boosted: Boosted, trial: Trial, *later: Trial) -> Calibrator | None:
    """What makes a probability of a model's scores, by rows ``later`` than its own.

    Without any it is the score's own; None where the model predicts a number.
    """
    if name == "effect" or not trial.binary:
        return None
    if not later:
        return Platt(1.0, 0.0)
    rows = [outcome_rows(name, one) for one in later]
    raw = Trees(boosted.text).raw(np.vstack([one.matrix for one in rows]))
    return calibration.platt(raw, np.concatenate([one.target for one in rows]))


def nuisance(trial: Trial, seed: int, rounds: int) -> Effects:
    """A plain S-learner for pseudo-outcomes: it need not be right, only not have seen the rows."""
    return fit("s", trial, seed, rounds={"outcome": rounds}).effects()


def unbiased(rows: Trial, model: Effects) -> Floats:
    """Pseudo-outcomes of ``rows`` by a model that did not see them, (n, k)."""
    return pseudo_outcomes(rows, *model.outcomes(rows.matrix, range(len(rows.actions))))


def _factors(fitted: Fitted) -> Floats:
    """Each action's measured mean effect over the mean of what is expected with it, (k,)."""
    few = fitted.trial.sampled(ROWS_OF_A_MEAN, 0)
    expected, _ = on_offer(few, replace(fitted, learner="s").effects())
    means = np.nan_to_num(mean_effects(fitted.trial))
    found = np.zeros(len(means))
    return np.asarray(np.divide(means, expected, out=found, where=expected > 0.0))


def _crossed(trial: Trial, seed: int, known: Mapping[str, int]) -> Floats:
    """Pseudo-outcomes of both halves of the customers, each by a model of the other half."""
    half = trial.half()
    found = np.empty((len(trial), len(trial.actions)))
    for fold in (half, ~half):
        rows = trial.where(fold)
        found[fold] = _unseen(rows, trial.where(~fold), seed, known)
    return found


def _unseen(rows: Trial, trial: Trial, seed: int, known: Mapping[str, int]) -> Floats:
    return unbiased(rows, nuisance(trial, seed, known.get("nuisance", boosting.FEWEST_ROUNDS)))


def _effect_rows(trial: Trial, targets: Floats | None) -> Rows:
    """One row per customer and action on offer, with the pseudo-outcome less its action's mean."""
    if targets is None:
        raise ValueError("an effect needs pseudo-outcomes")
    moved = centred(targets)
    rows, codes = np.nonzero(np.isfinite(targets))
    matrix = design(
        "effect",
        trial.matrix[rows],
        codes,
        1.0,
        len(trial.actions),
        separate=trial.separate,
    )
    return Rows.of(matrix, moved[rows, codes])


def _boosted(
    name: str, rows: Rows, stop: Rows | None, trial: Trial, *, seed: int, rounds: int | None
) -> Boosted:
    behind = columns(name, len(trial.actions), separate=trial.separate)
    features = (*trial.features, *(ModelFeature(name=one) for one in behind))
    effect = name == "effect"
    objective = "binary" if trial.binary and not effect else "regression"
    parameters = dict(_EFFECT if effect else _OUTCOME)
    if effect:
        parameters["min_data_in_leaf"] = max(len(rows.target) // _LEAVES_OF_AN_EFFECT, 50)
    if stop is None:
        rounds = rounds or boosting.FEWEST_ROUNDS
        return boosting.fit(objective, rows, features, seed, rounds=rounds, parameters=parameters)
    return boosting.fit_stopping_early(
        objective, rows, stop, features, seed,
        metric="binary_logloss" if objective == "binary" else "l2", parameters=parameters,
    )  # fmt: skip
