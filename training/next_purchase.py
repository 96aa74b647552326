"""Next purchase: one survival curve per customer, judged against recency."""

from collections.abc import Callable

import numpy as np

from retain.predictors.next_purchase import QUANTILES
from retain.predictors.survival import Reading
from retain.predictors.trees import Floats
from training import orders
from training.bootstrap import Bootstrap, Statistic
from training.dataset import POPULATION, Dataset, Mask
from training.enough import demand
from training.head import FittedHead, Judgement
from training.metrics import AUC, BRIER, CALIBRATION_ERROR
from training.orders import Trained

HORIZONS = (7, 30, 90)
SHOWN_DAYS = (7, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 270, 365)


def train(data: Dataset, curves: Callable[[Dataset], Trained] = orders.train) -> FittedHead:
    """Fit on the plan's cutoffs; ``curves`` fits the curve, or has fitted it for churn.

    Raises:
        NotEnoughData: too few customers ordered, or did not, in the first cutoffs.
    """
    fit, holdout = data.at(data.plan.fit), data.at(data.plan.holdout)
    ordered = (~np.isnan(data.days_to_order)).astype(np.float64)
    demand("next_purchase", ordered[fit], "customers who ordered", "customers who did not order")
    trained = curves(data)
    return FittedHead(
        head="next_purchase",
        label=(
            "days from the moment of scoring to the next order, "
            f"right-censored after {data.horizon_days}"
        ),
        population=POPULATION,
        features=trained.features,
        rows=trained.rows,
        files=trained.final.files(),
        parameters={
            **data.extrapolation,
            **trained.final.parameters,
            "interval_quantiles": [QUANTILES[0], QUANTILES[-1]],
        },
        judgements=_judge(data.where(holdout), trained.held),
        notes=(
            f"Beyond {data.served_days} days the mean hazard of the second half goes on.",
            *trained.level_notes,
            *data.extrapolation_notes,
        ),
        held=_held(trained.held, data.horizon_days),
    )


def _judge(held: Dataset, curves: Reading) -> tuple[Judgement, ...]:
    bootstrap = Bootstrap(held.customers, held.seed)
    recency = -np.asarray(held.columns["order_recency_days"], dtype=np.float64)
    lines = []
    for horizon in sorted({h for h in HORIZONS if h < held.horizon_days} | {held.horizon_days}):
        ordered = (held.days_to_order <= horizon).astype(np.float64)
        probability = curves.probability(horizon)
        compared = bootstrap.compare(AUC, ordered, probability, recency)
        decisive = horizon == min(30, held.horizon_days)
        lines.append(Judgement.against(f"auc_{horizon}d", "recency", compared, decisive=decisive))
        lines += [
            Judgement(f"{metric.name}_{horizon}d", bootstrap.measured(metric, ordered, probability))
            for metric in (BRIER, CALIBRATION_ERROR)
        ]
    before, after = _outside(held, curves)
    return (
        *lines,
        Judgement("ordered_before_interval", bootstrap.of(before)),
        Judgement("ordered_after_interval", bootstrap.of(after)),
    )


def _held(curves: Reading, horizon_days: int) -> dict[str, Floats]:
    """``by_<day>d`` along the curve, and the ends of the interval in days."""
    shown = sorted({*(day for day in SHOWN_DAYS if day < horizon_days), horizon_days})
    found = {f"by_{day}d": curves.probability(day) for day in shown}
    ends = (("low_days", QUANTILES[0]), ("high_days", QUANTILES[-1]))
    return found | {name: curves.days_until(at) for name, at in ends}


def _outside(held: Dataset, curves: Reading) -> tuple[Statistic, Statistic]:
    """Shares of customers who ordered outside the interval, where its end is within the horizon."""
    low, high = (curves.days_until(at) for at in (QUANTILES[0], QUANTILES[-1]))
    actual: Floats = np.where(np.isnan(held.days_to_order), np.inf, held.days_to_order)
    return (
        _share_among(low <= held.horizon_days, actual < low),
        _share_among(high <= held.horizon_days, actual > high),
    )


def _share_among(known: Mask, happened: Mask) -> Statistic:
    return lambda weight: float(weight[known & happened].sum() / max(weight[known].sum(), 1e-12))
