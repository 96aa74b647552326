"""Next purchase: one survival curve per customer, judged against recency."""

import json

import numpy as np

from retain.manifest import ModelFeature
from retain.predictors.next_purchase import (
    QUANTILES,
    Hazards,
    by_phase,
    days_until,
    probability_within,
)
from retain.predictors.trees import Floats
from training import blending, hazards
from training.boosting import Rows
from training.bootstrap import Bootstrap, Statistic
from training.dataset import POPULATION, Dataset, Mask
from training.enough import demand
from training.head import FittedHead, Judgement
from training.metrics import AUC, BRIER, CALIBRATION_ERROR
from training.selection import choose

HORIZONS = (7, 30, 90)
SHOWN_DAYS = (7, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 270, 365)


def train(data: Dataset) -> FittedHead:
    """Fit on the plan's cutoffs.

    Raises:
        NotEnoughData: too few customers ordered, or did not, in the first cutoffs.
    """
    plan, seed = data.plan, data.seed
    fit, validation, holdout = (data.at(c) for c in (plan.fit, plan.validation, plan.holdout))
    ordered = (~np.isnan(data.days_to_order)).astype(np.float64)
    demand("next_purchase", ordered[fit], "customers who ordered", "customers who did not order")
    ends = hazards.bin_ends(data.horizon_days)
    phases = hazards.phases_of(ends)
    features = choose(data.where(fit).columns)
    phased = (*features, ModelFeature(name="phase"))
    matrix = data.matrix(features)

    def rows(mask: Mask) -> Rows:
        return hazards.grouped(matrix[mask], data.days_to_order[mask], ends, phases)

    def scores(fitted: blending.FittedBlend, mask: Mask) -> Floats:
        return by_phase(fitted.blend, matrix[mask], max(phases) + 1)

    def curve(mask: Mask) -> Hazards:
        half = data.half()
        fitted = blending.refit(chosen, rows(mask & half), phased, seed)
        unseen = data.latest(mask) & ~half
        return hazards.fit(scores(fitted, unseen), data.days_to_order[unseen], ends, phases)

    everyone = np.ones(len(matrix), dtype=bool)
    known = data.at(plan.refit)
    chosen = blending.choose("probability", rows(fit), rows(validation), phased, seed)
    evaluated = blending.refit(chosen, rows(known), phased, seed)
    judged, held_scores = curve(known), scores(evaluated, holdout)
    judgements = _judge(data.where(holdout), judged, held_scores)
    final = blending.refit(chosen, rows(everyone), phased, seed)
    return FittedHead(
        head="next_purchase",
        label=(
            "days from the moment of scoring to the next order, "
            f"right-censored after {data.horizon_days}"
        ),
        population=POPULATION,
        features=features,
        rows=len(matrix),
        files={
            **final.files("model"),
            "hazards.json": json.dumps(curve(everyone).to_json(), indent=1),
        },
        parameters={
            "bin_ends_days": ends.tolist(),
            "interval_quantiles": [QUANTILES[0], QUANTILES[-1]],
            "rounds": final.rounds,
            "trees_share": final.share,
        },
        judgements=judgements,
        notes=(f"Beyond {data.horizon_days} days the mean hazard of the second half goes on.",),
        held=_held(judged, held_scores, data.horizon_days),
    )


def _judge(held: Dataset, curve: Hazards, scores: Floats) -> tuple[Judgement, ...]:
    bootstrap = Bootstrap(held.customers, held.seed)
    days, cumulative = curve.days, curve.cumulative(scores)
    recency = -np.asarray(held.columns["order_recency_days"], dtype=np.float64)
    lines = []
    for horizon in sorted({h for h in HORIZONS if h < held.horizon_days} | {held.horizon_days}):
        ordered = (held.days_to_order <= horizon).astype(np.float64)
        probability = probability_within(days, cumulative, horizon)
        compared = bootstrap.compare(AUC, ordered, probability, recency)
        decisive = horizon == min(30, held.horizon_days)
        lines.append(Judgement.against(f"auc_{horizon}d", "recency", compared, decisive=decisive))
        lines += [
            Judgement(f"{metric.name}_{horizon}d", bootstrap.measured(metric, ordered, probability))
            for metric in (BRIER, CALIBRATION_ERROR)
        ]
    before, after = _outside(held, days, cumulative)
    return (
        *lines,
        Judgement("ordered_before_interval", bootstrap.of(before)),
        Judgement("ordered_after_interval", bootstrap.of(after)),
    )


def _held(curve: Hazards, scores: Floats, horizon_days: int) -> dict[str, Floats]:
    """``by_<day>d`` along the curve, and the ends of the interval in days."""
    days, cumulative = curve.days, curve.cumulative(scores)
    shown = sorted({*(day for day in SHOWN_DAYS if day < horizon_days), horizon_days})
    found = {f"by_{day}d": probability_within(days, cumulative, day) for day in shown}
    ends = (("low_days", QUANTILES[0]), ("high_days", QUANTILES[-1]))
    return found | {name: days_until(days, cumulative, at) for name, at in ends}


def _outside(held: Dataset, days: Floats, cumulative: Floats) -> tuple[Statistic, Statistic]:
    """Shares of customers who ordered outside the interval, where its end is within the horizon."""
    low, high = (days_until(days, cumulative, at) for at in (QUANTILES[0], QUANTILES[-1]))
    actual = np.where(np.isnan(held.days_to_order), np.inf, held.days_to_order)
    return (
        _share_among(low <= held.horizon_days, actual < low),
        _share_among(high <= held.horizon_days, actual > high),
    )


def _share_among(known: Mask, happened: Mask) -> Statistic:
    return lambda weight: float(weight[known & happened].sum() / max(weight[known].sum(), 1e-12))
