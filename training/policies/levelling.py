"""Levelling: effects at the level that was measured, as far apart as later rows show."""

from dataclasses import replace

import numpy as np

from retain.predictors.effects import Level
from retain.predictors.trees import Floats
from training.policies.learners import ROWS_OF_A_MEAN, Fitted, centred, on_offer
from training.policies.means import measured
from training.policies.trial import Trial, surprise, unexplained

_NO_SPREAD = 1e-9
# before any is estimated: calibrated probabilities are as far apart as they say; of amounts, which
# nothing calibrates, nobody knows whether all of it is there or none
_BELIEVED = {True: 1.0, False: 0.5}
_BELIEVED_WITHIN = 0.5


def levelled(fitted: Fitted, slope: float) -> Fitted:
    """The same with its spread multiplied by ``slope`` and its means those that were measured.

    An action's mean is over the rows it was on offer to, of the trial the learner was fitted on,
    and measured as far as :meth:`Means.drawn_together` trusts it.
    """
    trial = fitted.trial
    k = len(trial.actions)
    unlevelled = replace(fitted, level=Level(1.0, np.zeros(k))).effects()
    few = trial.sampled(ROWS_OF_A_MEAN, 0)
    said = np.zeros(k)
    if slope and fitted.learner != "constant":
        treated, control = on_offer(few, unlevelled)
        said = treated - control
    means = np.nan_to_num(measured(trial).drawn_together(said))
    return replace(fitted, level=Level(slope, means - slope * said))


def slope(effect: Floats, rows: Trial, expected: tuple[Floats, Floats]) -> float:
    """How much of the predicted spread of effects is there, between 0 and 1.

    The best linear predictor of the effects given what was predicted (Chernozhukov et al.
    2018), by least squares of what was not expected on what chance decided (as the
    ``test_calibration`` of Athey, Tibshirani and Wager's ``grf`` has it): where a policy left
    little to chance, rows count as far as it left any. A slope that is not sure is drawn to what
    is believed before (:data:`_BELIEVED`), by its standard error; one not above zero is 0.

    Args:
        effect: predicted effects, (n, k), by a model that did not see the rows.
        rows: the n rows.
        expected: outcomes with each action and without, (n, k) each, by another such model.
    """
    decided = surprise(rows)
    spread = np.nan_to_num(decided * centred(np.where(rows.offered, effect, np.nan)))
    terms = np.column_stack([decided, spread.sum(axis=1)])
    if np.ptp(terms[:, -1]) < _NO_SPREAD:
        return 0.0
    seen = unexplained(rows, *expected)
    inverse = np.linalg.pinv(terms.T @ terms)
    found = inverse @ terms.T @ seen
    left = (seen - terms @ found)[:, np.newaxis]
    variance = (inverse @ ((terms * left).T @ (terms * left)) @ inverse)[-1, -1]
    before = _BELIEVED[rows.binary]
    return _believed(float(found[-1]), float(variance) ** 0.5, before)


def _believed(estimate: float, error: float, before: float) -> float:
    """The mean of what the slope is after an estimate, normal as what was believed before."""
    if estimate <= 0.0:
        return 0.0
    sure = _BELIEVED_WITHIN**2 / max(error**2 + _BELIEVED_WITHIN**2, _NO_SPREAD)
    return float(np.clip(before + sure * (estimate - before), 0.0, 1.0))
