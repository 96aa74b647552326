"""Lifetime value: hurdle and Tweedie tried, the better kept, judged against last spend."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.features.matrix import to_matrix
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
_FEWEST_CUTOFFS_FOR_LEVEL = 3


@dataclass(frozen=True, slots=True)
class Level:
    """What the total of later cutoffs was over what was predicted, and the factor kept."""

    ratios: tuple[float, ...]
    factor: float

    def sentence(self) -> str:
        """For the evaluation."""
        seen = ", ".join(f"{ratio:.2f}" for ratio in self.ratios)
        if self.factor != 1.0:
            return (
                f"Total revenue over prediction was {seen} at later cutoffs: "
                f"all predictions are multiplied by {self.factor:.2f}."
            )
        return (
            f"Total revenue over prediction was {seen} at later cutoffs: no steady bias, so the "
            "level is left as fitted. A season cannot be told from a bias without a second year."
        )


def train(data: Dataset) -> FittedHead:
    """Fit on the plan's cutoffs.

    Raises:
        NotEnoughData: too few customers brought revenue, or none, in the first cutoffs.
    """
    plan, seed, net = data.plan, data.seed, data.net_revenue
    fit, validation, holdout = (data.at(c) for c in (plan.fit, plan.validation, plan.holdout))
    demand("ltv", (net[fit] > 0).astype(np.float64), "customers with revenue", "customers without")
    features = steady(choose(data.where(fit).columns))
    matrix = data.matrix(features)

    def rows(mask: Mask) -> Rows:
        return Rows.of(matrix[mask], net[mask])

    tried = {
        kind: choice(rows(fit), rows(validation), features, seed)
        for kind, choice in CANDIDATES.items()
    }
    early = {kind: amount.value(matrix[validation]) for kind, amount in tried.items()}
    scores = {k: measure(SPEARMAN, net[validation], value) for k, value in early.items()}
    kind = max(scores, key=lambda k: scores[k])

    late = tried[kind].refit(rows(data.at(plan.refit)), features, seed).value(matrix[holdout])
    interval = conformal.fit(early[kind], net[validation])
    covered = conformal.coverage_of(interval, late, net[holdout])
    judgements = _judge(data.where(holdout), late, covered)

    later = np.concatenate([np.flatnonzero(validation), np.flatnonzero(holdout)])
    predicted = np.concatenate([early[kind], late])
    level = _level(data.cutoffs[later], net[later], predicted)
    final = tried[kind].refit(Rows.of(matrix, net), features, seed).scaled(level.factor)
    served = conformal.fit(predicted * level.factor, net[later])
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
        files={**final.files(), "interval.json": json.dumps(served.to_json(), indent=1)},
        parameters=_parameters(final, scores, level, newest),
        judgements=judgements,
        notes=(
            "Kept by rank correlation at the validation cutoffs: "
            + ", ".join(f"{k} {score:.3f}" for k, score in scores.items())
            + f"; {kind} is registered.",
            level.sentence(),
        ),
    )


def _parameters(
    final: FittedAmount, scores: dict[str, float], level: Level, newest: Floats
) -> dict[str, Any]:
    edges = np.quantile(newest, TIER_QUANTILES)
    return {
        "kind": final.kind,
        "validation_spearman": scores,
        "interval_coverage": conformal.COVERAGE,
        "level_factor": level.factor,
        "level_ratios": list(level.ratios),
        "tiers": {"names": list(TIER_NAMES), "edges": edges.tolist()},
        "tiers_meaning": "predicted value among the customers at the moment of training: "
        "top 5 %, next 15 %, next 30 %, the rest",
    }


def _level(cutoffs: np.ndarray, net: Floats, predicted: Floats) -> Level:
    moments = np.unique(cutoffs)
    ratios = tuple(
        float(net[cutoffs == at].sum() / max(predicted[cutoffs == at].sum(), 1e-9))
        for at in moments
    )
    steady = all(ratio > 1 for ratio in ratios) or all(0 < ratio < 1 for ratio in ratios)
    if not steady or len(ratios) < _FEWEST_CUTOFFS_FOR_LEVEL:
        return Level(ratios, 1.0)
    return Level(ratios, float(np.exp(np.mean(np.log(ratios)))))


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
