"""Churn: trained, calibrated and judged against the best single rule of its label."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from retain import standing
from retain.manifest import ModelFeature
from retain.predictors.calibrator import Calibrator
from retain.predictors.trees import Floats
from retain.reasons.bands import meaning
from training import bands, blending, calibration, choosing, leaving, orders
from training.boosting import Rows
from training.bootstrap import Bootstrap
from training.dataset import Dataset, Mask
from training.enough import demand
from training.head import FittedHead, Judgement
from training.metrics import AUC, BRIER, CALIBRATION_ERROR, LOG_LOSS
from training.orders import Trained
from training.selection import choose

Curves = Callable[[Dataset], Trained]

BANDS = {"medium": 1 / 3, "high": 2 / 3}


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What the evaluated model said of the holdout, and what is registered."""

    features: tuple[ModelFeature, ...]
    held: Floats
    files: dict[str, str]
    parameters: dict[str, Any]
    notes: tuple[str, ...]


def train(data: Dataset, curves: Curves = orders.train) -> FittedHead:
    """Fit on the plan's cutoffs.

    Where leaving means placing no order, the head is the other side of the next purchase's
    curve, which ``curves`` fits or has fitted already; other labels get a model of their own.

    Raises:
        NotEnoughData: too few customers left, or stayed, in the first cutoffs.
    """
    fit = data.at(data.plan.fit)
    demand("churn", data.churned[fit], "customers who left", "customers who stayed")
    by_curve = data.churn.label == "no_order"
    fitted = _by_curve(data, curves) if by_curve else _by_score(data)
    gone = leaving.rule(data)
    return FittedHead(
        head="churn",
        label=data.churn_label,
        population=data.churn_population,
        features=fitted.features,
        rows=len(data.churned),
        files=fitted.files,
        parameters={
            **gone.parameters,
            "bands": BANDS,
            "bands_meaning": meaning(BANDS),
            **data.extrapolation,
            **fitted.parameters,
        },
        judgements=_judge(data.where(data.at(data.plan.holdout)), fitted.held),
        notes=(gone.sentence, *fitted.notes, *data.extrapolation_notes),
        held={"leaves": fitted.held},
    )


def _by_curve(data: Dataset, curves: Curves) -> _Fitted:
    trained = curves(data)
    held = 1.0 - trained.held.probability(data.horizon_days)
    final = trained.final
    return _Fitted(trained.features, held, final.files(), final.parameters, trained.level_notes)


def _by_score(data: Dataset) -> _Fitted:
    plan, seed = data.plan, data.seed
    (fit, validation), holdout = choosing.rows(data), data.at(plan.holdout)
    features = choose(data.where(fit).columns)
    matrix = data.matrix(features)

    def rows(mask: Mask) -> Rows:
        return Rows.of(matrix[mask], data.churned[mask]).tuned(data.trees)

    def calibrated(mask: Mask) -> Calibrator:
        half = data.half()
        fitted = blending.refit(chosen, rows(mask & half), features, seed)
        unseen = data.latest(mask) & ~half
        score = fitted.blend.raw(matrix[unseen])
        return calibration.choose(score, data.churned[unseen], data.customers[unseen])

    everyone = np.ones(len(matrix), dtype=bool)
    known = data.at(plan.refit)
    chosen = blending.choose("probability", rows(fit), rows(validation), features, seed)
    evaluated = blending.refit(chosen, rows(known), features, seed)
    held = calibrated(known).probability(evaluated.blend.raw(matrix[holdout]))
    final = blending.refit(chosen, rows(everyone), features, seed)
    served = calibrated(everyone).to_json()
    return _Fitted(
        features,
        held,
        {**final.files("model"), "calibration.json": json.dumps(served, indent=1)},
        {
            "rounds": final.rounds,
            "shares": final.named_shares,
            "calibration": served["method"],
            "season": {"learned": False},
        },
        ("No season is learned for this label: its level is that of the last three cutoffs.",),
    )


def _judge(held: Dataset, probability: Floats) -> tuple[Judgement, ...]:
    bootstrap = Bootstrap(held.customers, held.seed)
    rule = standing.wording(held.churn.label).rule
    ranking = bootstrap.compare(AUC, held.churned, probability, held.inactivity_days())
    return (
        Judgement.against("auc", rule, ranking, decisive=True),
        *(
            Judgement(metric.name, bootstrap.measured(metric, held.churned, probability))
            for metric in (BRIER, LOG_LOSS, CALIBRATION_ERROR)
        ),
        *bands.judged(bootstrap, held.churned, probability, BANDS),
    )
