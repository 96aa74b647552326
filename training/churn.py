"""Churn: trained, calibrated and judged against recency."""

import json

import numpy as np

from retain.predictors.calibrator import Calibrator
from retain.predictors.trees import Floats
from training import blending, calibration, hiatus
from training.boosting import Rows
from training.bootstrap import Bootstrap
from training.dataset import POPULATION, Dataset, Mask
from training.enough import demand
from training.head import FittedHead, Judgement
from training.metrics import AUC, BRIER, CALIBRATION_ERROR, LOG_LOSS
from training.selection import choose

BANDS = {"medium": 1 / 3, "high": 2 / 3}


def train(data: Dataset) -> FittedHead:
    """Fit on the plan's cutoffs.

    Raises:
        NotEnoughData: too few customers left, or stayed, in the first cutoffs.
    """
    plan, seed = data.plan, data.seed
    fit, validation, holdout = (data.at(c) for c in (plan.fit, plan.validation, plan.holdout))
    demand("churn", data.churned[fit], "customers who left", "customers who came back")
    features = choose(data.where(fit).columns)
    matrix = data.matrix(features)

    def rows(mask: Mask) -> Rows:
        return Rows.of(matrix[mask], data.churned[mask])

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
    score = evaluated.blend.raw(matrix[holdout])
    judgements = _judge(data.where(holdout), calibrated(known).probability(score))
    final = blending.refit(chosen, rows(everyone), features, seed)
    served = calibrated(everyone).to_json()
    learned = hiatus.learn(_recency(data), data.churned)
    return FittedHead(
        head="churn",
        label=f"no order in the {data.horizon_days} days after the moment of scoring",
        population=POPULATION,
        features=features,
        rows=len(matrix),
        files={
            **final.files("model"),
            "calibration.json": json.dumps(served, indent=1),
        },
        parameters={
            "hiatus_days": max(learned, float(data.horizon_days)),
            "learned_hiatus_days": learned,
            "bands": BANDS,
            "bands_meaning": (
                "low: fewer than one in three such customers leave; "
                "high: at least two in three do; medium: in between"
            ),
            "rounds": final.rounds,
            "trees_share": final.share,
            "calibration": served["method"],
        },
        judgements=judgements,
        notes=(_hiatus_sentence(learned, data.horizon_days),),
    )


def _hiatus_sentence(learned_days: float, horizon_days: int) -> str:
    return (
        f"The best recency rule takes a customer to have left after {learned_days:g} days; "
        f"beyond {max(learned_days, horizon_days):g} days the service says already_churned."
    )


def _recency(data: Dataset) -> Floats:
    return np.asarray(data.columns["order_recency_days"], dtype=np.float64)


def _judge(held: Dataset, probability: Floats) -> tuple[Judgement, ...]:
    bootstrap = Bootstrap(held.customers, held.seed)
    ranking = bootstrap.compare(AUC, held.churned, probability, _recency(held))
    return (
        Judgement.against("auc", "recency", ranking, decisive=True),
        *(
            Judgement(metric.name, bootstrap.measured(metric, held.churned, probability))
            for metric in (BRIER, LOG_LOSS, CALIBRATION_ERROR)
        ),
    )
