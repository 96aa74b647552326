"""Response: what an action adds, learned where chance held some customers out."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain import labels
from retain.errors import NotEnoughData
from retain.predictors.trees import Floats
from training import uplift
from training.assignments import FEWEST, WINDOW_MICROS, Assignments, joined, read
from training.bootstrap import Bootstrap
from training.dataset import Mask
from training.enough import FEWEST_OF_EACH, demand
from training.head import FittedHead, Judgement
from training.logged import Logged
from training.material import gathered
from training.metrics import AUC, CALIBRATION_ERROR
from training.policies import choosing, learners
from training.policies.estimators import DR, compare
from training.policies.learners import Fitted
from training.policies.log import best, uniform
from training.policies.means import mean_effects
from training.policies.trial import Trial, pseudo_outcomes
from training.selection import choose

__all__ = ["STATEMENT", "Assignments", "read", "train"]

Split = tuple[list[tuple[Mask, Mask]], Mask, Mask]
"""Folds of what is fitted and what it is compared on, what is fitted again, the holdout."""

STATEMENT = (
    "Assignments and decisions in time order: learners fitted on the first 35 % and 55 %, "
    "compared on what follows up to 75 %, the chosen one judged on the last 25 %, with 14 days "
    "left out between them; the registered model was fitted again on all of them."
)
_FIRST_UNTIL = 0.35
_VALIDATION_FROM = 0.55
_HOLDOUT_FROM = 0.75
_PARTS = 4
_APART = (
    "The decisions lie too close together in time to judge on later ones: learners were fitted and "
    "compared on three quarters of the customers, in turn on parts of them, and the chosen one "
    "judged on the others."
)
_ONLY = (
    "No campaign and no decision held anybody out by chance: what an action adds is not known, "
    "only how many order after it (response-only mode). Hold out a tenth of the next campaigns, "
    "or explore."
)


def train(given: Assignments | None, seed: int, logged: Logged | None = None) -> FittedHead:
    """Choose a learner on early rows, judge it on the last quarter, fit it on all.

    Where nobody was held out, the response itself is learned, and the model says so.

    Args:
        given: assignments to campaigns, if there are any.
        seed: of trees and draws.
        logged: the service's own decisions.

    Raises:
        NotEnoughData: too few were treated, held out, or ordered.
    """
    material = gathered(given, logged)
    if material is None or len(material) < FEWEST:
        treated = joined(given, None if logged is None else logged.treated())
        return _response_only(treated, seed, decided=logged is not None and len(logged) > 0)
    trial = material.trial
    demand("response", trial.treated, "treated customers", "held-out customers")
    demand("response", trial.outcome, "customers who ordered", "customers who did not")
    notes = [material.sentence()]
    (folds, refit, holdout), apart = _folds(
        material.moments, trial.units, seed, across=material.decisions > 0
    )
    choice = choosing.choose(trial, folds, seed)
    judged = choice.fit(trial.where(refit), seed)
    judgements = _judge(judged, trial.where(holdout), seed)
    final = choice.fit(trial, seed)
    notes.append(choice.sentence())
    if apart:
        notes.append(_APART)
    if logged is not None:
        notes.append(f"Read: {logged.sentence()}.")
    left_out = sorted(set(given.actions if given is not None else ()) - set(trial.actions))
    if left_out:
        notes.append(f"Nobody was held out of {', '.join(left_out)}: nothing is known of them.")
    rows = {"campaigns": material.campaigns, "decisions": material.decisions}
    return _described(final, judgements, notes, rows=rows, choice=choice.as_json())


def _response_only(given: Assignments | None, seed: int, *, decided: bool) -> FittedHead:
    treated = None if given is None else given.where(given.treated > 0)
    if treated is None or len(treated) < FEWEST:
        raise NotEnoughData(
            f"response needs {FEWEST} assignments to campaigns, or decisions; "
            f"{0 if treated is None else len(treated)} were carried out",
            remedy="record experiment_viewed for treated and held-out customers alike",
        )
    demand("response", treated.responded, "customers who ordered", "customers who did not")
    trial = treated.trial(choose(treated.columns))
    (folds, refit, holdout), apart = _folds(treated.moments, trial.units, seed, across=decided)
    fit, later = folds[-1]
    early = learners.fit("response", trial.where(fit), seed, later=trial.where(later))
    known: dict[str, Any] = {"rounds": early.rounds, "calibrators": early.calibrators}
    judged = learners.fit("response", trial.where(refit), seed, **known)
    late = trial.where(holdout)
    said, _ = judged.effects().outcomes(late.matrix, range(len(late.actions)))
    score = said[np.arange(len(late)), late.codes]
    bootstrap = Bootstrap(late.units, seed)
    order = bootstrap.compare(AUC, late.outcome, score, np.zeros(len(late)))
    judgements = (
        Judgement.against("auc", "random", order, decisive=True),
        Judgement("calibration_error", bootstrap.measured(CALIBRATION_ERROR, late.outcome, score)),
    )
    final = learners.fit("response", trial, seed, **known)
    notes = [f"Learned from {len(trial):,} treated customers.", _ONLY]
    if apart:
        notes.append(_APART)
    return _described(final, judgements, notes)


def _described(
    final: Fitted, judgements: tuple[Judgement, ...], notes: Sequence[str], **parameters: Any
) -> FittedHead:
    trial = final.trial
    arms = {action: trial.arm == place + 1 for place, action in enumerate(trial.actions)}
    shares = {name: float(trial.outcome[arm].mean()) for name, arm in arms.items() if arm.any()}
    held_out = trial.arm == 0
    outcomes = {
        name: {
            "treated": int(arm.sum()),
            "held_out": int((held_out & trial.offered[:, place]).sum()),
        }
        for place, (name, arm) in enumerate(arms.items())
    }
    effects = dict(zip(trial.actions, mean_effects(trial).tolist(), strict=True))
    return FittedHead(
        head="response",
        label=f"an order within {labels.RESPONSE_WINDOW_DAYS} days of an assignment or decision",
        population="customers of campaigns and decisions with a hold-out, as they were just before",
        features=trial.features,
        rows=len(trial),
        files={**final.files(), "effects.json": json.dumps(final.side(), indent=1)},
        parameters={
            "action_ids": list(trial.actions),
            "window_days": labels.RESPONSE_WINDOW_DAYS,
            "learner": final.learner,
            "mode": "response_only" if final.learner == "response" else "uplift",
            "rounds": final.rounds,
            "mean_effect": {k: v for k, v in effects.items() if np.isfinite(v)},
            "mean_response": shares,
            "outcomes": outcomes,
            **parameters,
        },
        judgements=judgements,
        notes=tuple(notes),
    )


def _folds(
    moments: NDArray[np.int64], units: NDArray[Any], seed: int, *, across: bool
) -> tuple[Split, bool]:
    """In time; where that is too close together and ``across``, by customers, and whether it is."""
    try:
        return _split(moments), False
    except NotEnoughData:
        if not across:
            raise
    codes = np.unique(units, return_inverse=True)[1]
    drawn = np.random.default_rng(seed).random(int(codes.max()) + 1)[codes]
    refit, quarter = drawn < _HOLDOUT_FROM, np.floor(drawn / _HOLDOUT_FROM * _PARTS)
    folds = [(refit & (quarter != part), quarter == part) for part in range(_PARTS)]
    return (folds, refit, ~refit), True


def _split(moments: NDArray[np.int64]) -> Split:
    """Folds, refit and holdout; no label of a fit reaches into what it is judged on."""
    quantiles = [_FIRST_UNTIL, _VALIDATION_FROM, _HOLDOUT_FROM]
    first_at, validation_at, holdout_at = np.quantile(moments, quantiles)

    def between(start: float, end: float) -> Mask:
        return np.asarray((moments >= start) & (moments < end - WINDOW_MICROS))

    fold = between(-np.inf, validation_at), between(validation_at, holdout_at)
    earlier = between(-np.inf, first_at), between(first_at, validation_at)
    refit, holdout = between(-np.inf, holdout_at), np.asarray(moments >= holdout_at)
    if min(*(int(part.sum()) for part in fold), int(holdout.sum())) < FEWEST_OF_EACH:
        raise NotEnoughData(
            "the campaigns lie too close together in time to judge a response model",
            remedy="train again once campaigns of at least two months are recorded",
        )
    both = [one for one in (earlier, fold) if min(int(part.sum()) for part in one) >= FEWEST]
    return both or [fold], refit, holdout


def _judge(judged: Fitted, late: Trial, seed: int) -> tuple[Judgement, ...]:
    bootstrap = Bootstrap(late.units, seed)
    every = range(len(late.actions))
    rows, codes = np.arange(len(late)), late.codes
    treated, control = judged.effects().outcomes(late.matrix, every)
    log = late.log()
    model = np.column_stack([control[rows, codes], treated])
    with_action, without = treated[rows, codes], control[rows, codes]
    effect, score = _effects(late, treated, control)
    seen = np.where(late.arm > 0, with_action, without)
    policy = best(log, np.column_stack([np.zeros(len(late)), treated - control]))
    value = compare(DR, policy, uniform(log), log, bootstrap, model=model)
    qini = bootstrap.paired(
        uplift.area(effect, score), lambda weight: float(np.average(effect, weights=weight)) / 2
    )
    targeted = bootstrap.paired(
        lambda weight: uplift.among_targeted(effect, score, weight),
        lambda weight: float(np.average(effect, weights=weight)),
    )
    return (
        Judgement.against("policy_value", "random", value, decisive=True),
        Judgement.against("qini_area", "random", qini),
        Judgement.against("uplift_top_30pct", "send_to_all", targeted),
        Judgement("auc", bootstrap.measured(AUC, late.outcome, seen)),
        Judgement("calibration_error", bootstrap.measured(CALIBRATION_ERROR, late.outcome, seen)),
    )


def _effects(late: Trial, treated: Floats, control: Floats) -> tuple[Floats, Floats]:
    """An unbiased estimate of what the preferred action adds to each row, and what was said."""
    rows, codes = np.arange(len(late)), late.codes
    if not late.separate and len(late.actions) > 1:
        pseudo = pseudo_outcomes(late, treated, control)
        offered = np.where(late.offered, treated - control, np.nan)
        best, score = choosing.preferred(offered)
        return pseudo[rows, best], score
    with_action, without = treated[rows, codes], control[rows, codes]
    chance = late.chance[rows, codes + 1]
    expected = chance * without + (1.0 - chance) * with_action
    effect = uplift.transformed(late.outcome, late.treated, chance, expected)
    return effect, with_action - without
