"""Lifetime value: hurdle and Tweedie tried, the better kept, judged against last spend."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.features.matrix import to_matrix
from retain.predictors.ltv import Interval
from retain.predictors.trees import Floats
from training import conformal
from training.amounts import CANDIDATES, FittedAmount
from training.boosting import Rows
from training.bootstrap import Bootstrap
from training.dataset import POPULATION, Dataset, Mask
from training.enough import demand
from training.head import FittedHead, Judgement
from training.metrics import GINI, LEVEL, MAE, MEAN, SPEARMAN, measure
from training.selection import choose, steady

TIER_NAMES = ("low", "medium", "high", "top")
TIER_QUANTILES = (0.5, 0.8, 0.95)
RULES = ("net_spend_90d", "net_spend_365d")
SMALLEST_FACTOR = 0.01


@dataclass(frozen=True, slots=True)
class Settled:
    """What customers the fit did not see say about its level and its spread."""

    factor: float
    interval: Interval


def train(data: Dataset) -> FittedHead:
    """Fit on the plan's cutoffs.

    Raises:
        NotEnoughData: too few customers brought revenue, or none, in the first cutoffs.
    """
    plan, seed, net = data.plan, data.seed, data.net_revenue
    fit, validation, holdout = (data.at(c) for c in (plan.fit, plan.validation, plan.holdout))
    demand(
        "ltv",
        (net[fit] > 0).astype(np.float64),
        "customers with revenue",
        "customers without revenue",
    )
    features = steady(choose(data.where(fit).columns))
    matrix = data.matrix(features)

    def rows(mask: Mask) -> Rows:
        return Rows.of(matrix[mask], net[mask])

    tried = {
        kind: choice(rows(fit), rows(validation), features, seed)
        for kind, choice in CANDIDATES.items()
    }
    scores = {
        kind: measure(SPEARMAN, net[validation], amount.value(matrix[validation]))
        for kind, amount in tried.items()
    }
    kind = max(scores, key=lambda k: scores[k])

    def settled(mask: Mask) -> Settled:
        half = data.half()
        fitted = tried[kind].refit(rows(mask & half), features, seed)
        unseen = data.latest(mask) & ~half
        predicted = fitted.value(matrix[unseen])
        factor = max(float(net[unseen].sum() / predicted.sum()), SMALLEST_FACTOR)
        return Settled(factor, conformal.fit(predicted * factor, net[unseen]))

    known = data.at(plan.refit)
    before = settled(known)
    evaluated = tried[kind].refit(rows(known), features, seed).scaled(before.factor)
    value = evaluated.value(matrix[holdout])
    covered = conformal.coverage_of(before.interval, value, net[holdout])
    judgements = _judge(data.where(holdout), value, covered)
    low, high = before.interval.around(value)

    now = settled(np.ones(len(matrix), dtype=bool))
    final = tried[kind].refit(Rows.of(matrix, net), features, seed).scaled(now.factor)
    newest = final.value(to_matrix(data.current, features))
    return FittedHead(
        head="ltv",
        label=(
            f"orders less refunds in the {data.horizon_days} days after the moment of scoring, "
            "zeros kept"
        ),
        population=POPULATION,
        features=features,
        rows=len(matrix),
        files={**final.files(), "interval.json": json.dumps(now.interval.to_json(), indent=1)},
        parameters=_parameters(final, scores, now.factor, newest),
        judgements=judgements,
        notes=(
            "Kept by rank correlation at the validation cutoffs: "
            + ", ".join(f"{k} {score:.3f}" for k, score in scores.items())
            + f"; {kind} is registered.",
            _level_sentence(now.factor),
        ),
        held={"value": value, "low": low, "high": high},
    )


def _parameters(
    final: FittedAmount, scores: dict[str, float], factor: float, newest: Floats
) -> dict[str, Any]:
    edges = np.quantile(newest, TIER_QUANTILES)
    return {
        "kind": final.kind,
        "validation_spearman": scores,
        "interval_coverage": conformal.COVERAGE,
        "level_factor": factor,
        "tiers": {"names": list(TIER_NAMES), "edges": edges.tolist()},
        "tiers_meaning": "predicted value among the customers at the moment of training: "
        "top 5 %, next 15 %, next 30 %, the rest",
    }


def _level_sentence(factor: float) -> str:
    return (
        f"At the last three cutoffs the total was {factor:.2f} times the prediction for unseen "
        "customers; every prediction is multiplied by that. A season cannot be told from a "
        "trend without a second year: see level_error for what that means."
    )


def _judge(held: Dataset, value: Floats, covered: Floats) -> tuple[Judgement, ...]:
    bootstrap = Bootstrap(held.customers, held.seed)
    lines = []
    for rule in RULES:
        spend = np.asarray(held.columns[rule], dtype=np.float64)
        for metric in (SPEARMAN, GINI):
            compared = bootstrap.compare(metric, held.net_revenue, value, spend)
            decisive = rule == RULES[0] and metric is SPEARMAN
            lines.append(Judgement.against(metric.name, rule, compared, decisive=decisive))
    lines += [
        Judgement(metric.name, bootstrap.measured(metric, held.net_revenue, value))
        for metric in (MAE, LEVEL)
    ]
    return (*lines, Judgement("interval_coverage", bootstrap.measured(MEAN, covered, covered)))
