"""Churn: trained, calibrated and judged against the best single rule of its label."""

import json

import numpy as np

from retain import standing
from retain.predictors.calibrator import Calibrator
from retain.predictors.trees import Floats
from retain.reasons.bands import meaning
from training import bands, blending, calibration, leaving
from training.boosting import Rows
from training.bootstrap import Bootstrap
from training.dataset import Dataset, Mask
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
    demand("churn", data.churned[fit], "customers who left", "customers who stayed")
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
    probability = calibrated(known).probability(evaluated.blend.raw(matrix[holdout]))
    judgements = _judge(data.where(holdout), probability)
    final = blending.refit(chosen, rows(everyone), features, seed)
    served = calibrated(everyone).to_json()
    gone = leaving.rule(data)
    return FittedHead(
        head="churn",
        label=data.churn_label,
        population=data.churn_population,
        features=features,
        rows=len(matrix),
        files={
            **final.files("model"),
            "calibration.json": json.dumps(served, indent=1),
        },
        parameters={
            **gone.parameters,
            "bands": BANDS,
            "bands_meaning": meaning(BANDS),
            "rounds": final.rounds,
            "trees_share": final.share,
            "calibration": served["method"],
        },
        judgements=judgements,
        notes=(gone.sentence,),
        held={"leaves": probability},
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
