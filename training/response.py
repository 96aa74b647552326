"""Response: what an action adds, learned from campaigns with a randomised hold-out."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain import labels
from retain.errors import NotEnoughData
from training import uplift
from training.assignments import FEWEST, WINDOW_MICROS, Assignments, read
from training.bootstrap import Bootstrap
from training.dataset import Mask
from training.enough import FEWEST_OF_EACH, demand
from training.head import FittedHead, Judgement
from training.metrics import AUC, CALIBRATION_ERROR
from training.policies import choosing, learners
from training.policies.estimators import DR, compare
from training.policies.learners import Fitted
from training.policies.log import best, uniform
from training.policies.trial import Trial, mean_effects
from training.selection import choose

__all__ = ["STATEMENT", "Assignments", "read", "train"]

STATEMENT = (
    "Assignments in time order: learners fitted on the first 35 % and 55 %, compared on what "
    "follows up to 75 %, the chosen one judged on the last 25 %, with 14 days left out between "
    "them; the registered model was fitted again on all of them."
)
_FIRST_UNTIL = 0.35
_VALIDATION_FROM = 0.55
_HOLDOUT_FROM = 0.75
_CONSTANT = "constant"
_ONLY = (
    "No campaign held anybody out: what an action adds is not known, only how many order after "
    "it (response-only mode). Hold out a tenth of the next campaigns."
)


def train(given: Assignments, seed: int) -> FittedHead:
    """Choose a learner on early assignments, judge it on the last quarter, fit it on all.

    Where no campaign had a hold-out, the response itself is learned, and the model says so.

    Raises:
        NotEnoughData: too few were treated, held out, or ordered.
    """
    randomised = given.randomised()
    if len(randomised) < FEWEST:
        return _response_only(given, seed)
    demand("response", randomised.treated, "treated customers", "held-out customers")
    demand("response", randomised.responded, "customers who ordered", "customers who did not")
    trial = randomised.trial(choose(randomised.columns))
    folds, refit, holdout = _split(randomised.moments)
    choice = choosing.choose(trial, folds, seed)
    judged = choice.fit(trial.where(refit), seed)
    judgements = _judge(judged, trial.where(holdout), seed)
    final = choice.fit(trial, seed)
    left_out = sorted(set(given.actions) - set(randomised.actions))
    notes = [f"Learned from {len(trial):,} assignments to {', '.join(trial.actions)}."]
    notes.append(choice.sentence())
    if left_out:
        notes.append(f"Nobody was held out of {', '.join(left_out)}: nothing is known of them.")
    return _described(final, randomised, judgements, notes, choice=choice.as_json())


def _response_only(given: Assignments, seed: int) -> FittedHead:
    treated = given.where(given.treated > 0)
    if len(treated) < FEWEST:
        raise NotEnoughData(
            f"response needs {FEWEST} assignments to campaigns; {len(treated)} were treated",
            remedy="record experiment_viewed for treated and held-out customers alike",
        )
    demand("response", treated.responded, "customers who ordered", "customers who did not")
    trial = treated.trial(choose(treated.columns))
    folds, refit, holdout = _split(treated.moments)
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
    return _described(final, treated, judgements, notes)


def _described(
    final: Fitted,
    given: Assignments,
    judgements: tuple[Judgement, ...],
    notes: Sequence[str],
    **parameters: Any,
) -> FittedHead:
    trial = final.trial
    treated = given.treated > 0
    shares = {
        action: float(given.responded[treated & (given.codes == code)].mean())
        for code, action in enumerate(given.actions)
        if (treated & (given.codes == code)).any()
    }
    effects = dict(zip(trial.actions, mean_effects(trial).tolist(), strict=True))
    return FittedHead(
        head="response",
        label=f"an order within {labels.RESPONSE_WINDOW_DAYS} days of a campaign's assignment",
        population="customers of campaigns with a randomised hold-out, as they were just before",
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
            **parameters,
        },
        judgements=judgements,
        notes=tuple(notes),
    )


def _split(moments: NDArray[np.int64]) -> tuple[list[tuple[Mask, Mask]], Mask, Mask]:
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
    score = with_action - without
    chance = late.chance[rows, codes + 1]
    expected = chance * without + (1.0 - chance) * with_action
    effect = uplift.transformed(late.outcome, late.treated, chance, expected)
    seen = np.where(late.arm > 0, with_action, without)
    flat = judged.learner == _CONSTANT
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
        Judgement.against("policy_value", "random", value, decisive=flat),
        Judgement.against("qini_area", "random", qini, decisive=not flat),
        Judgement.against("uplift_top_30pct", "send_to_all", targeted),
        Judgement("auc", bootstrap.measured(AUC, late.outcome, seen)),
        Judgement("calibration_error", bootstrap.measured(CALIBRATION_ERROR, late.outcome, seen)),
    )
