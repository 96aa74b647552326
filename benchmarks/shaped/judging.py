"""Scores judged from outside: by the orders of the file, with nothing of Retain's own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Metric = Callable[[Floats, Floats], float]
POPULATION = pd.Timedelta(days=365)


@dataclass(frozen=True)
class Judgement:
    """One case in numbers; ``None`` where a head gave no scores."""

    customers: int
    missing: int
    buyers: tuple[float, int] | None
    error: float | None
    auc: dict[str, float]
    revenue: tuple[float, float] | None
    gini: dict[str, float]
    coverage: float | None


def judge(
    orders: pd.DataFrame, scores: pd.DataFrame, at: pd.Timestamp, days: int, last_days: int = 0
) -> Judgement:
    """Who ordered in the 365 days up to ``at``, their scores, and what they did after.

    Args:
        orders: ``customer_id, ts, value, is_order``; refunds are negative.
        scores: what ``retain score`` wrote.
        at: the moment of the scores.
        days: the label's window.
        last_days: see :class:`shaped.shop.Case`.
    """
    past = orders[(orders["ts"] <= at) & (orders["ts"] > at - POPULATION)]
    later = orders[(orders["ts"] > at) & (orders["ts"] <= at + pd.Timedelta(days=days))]
    who = past[past["is_order"]].groupby("customer_id")
    frame = pd.DataFrame({"recency": (at - who["ts"].max()) / pd.Timedelta(days=1),
                          "orders": who.size()})  # fmt: skip
    recent = past[past["ts"] > at - pd.Timedelta(days=days)].groupby("customer_id")["value"].sum()
    frame["recent"] = recent
    frame["year"] = past.groupby("customer_id")["value"].sum()
    since = at + pd.Timedelta(days=days - (last_days or days))
    frame["came"] = later[later["is_order"] & (later["ts"] > since)].groupby("customer_id").size()
    frame["revenue"] = later.groupby("customer_id")["value"].sum()
    frame = frame.fillna(0.0).join(scores.set_index("customer_id"), how="left")
    missing = int(frame["status"].isna().sum())
    frame = frame[frame["status"].notna()]
    if last_days:
        frame = frame[frame["status"] == "ok"]
    came = (frame["came"] > 0).to_numpy(dtype=float)
    stays = 1.0 - frame["churn_probability"].to_numpy(dtype=float)
    value = frame["ltv_value"].to_numpy(dtype=float)
    spent = frame["revenue"].to_numpy(dtype=float)
    judged_churn, judged_ltv = bool(np.isfinite(stays).all()), bool(np.isfinite(value).all())
    judged_churn, judged_ltv = judged_churn and len(frame) > 0, judged_ltv and len(frame) > 0
    rules = {"recency": -frame["recency"].to_numpy(), "orders": frame["orders"].to_numpy(),
             "recency and orders": _together(frame)}  # fmt: skip
    amounts = {
        "recent spend": frame["recent"].to_numpy(),
        "spend of a year": frame["year"].to_numpy(),
    }
    inside = (spent >= frame["ltv_low"]) & (spent <= frame["ltv_high"])
    return Judgement(
        customers=len(frame),
        missing=missing,
        buyers=(float(stays.sum()), int(came.sum())) if judged_churn else None,
        error=calibration_error(stays, came) if judged_churn else None,
        auc=_each(auc, came, {"Retain": stays, **rules}) if judged_churn else {},
        revenue=(float(value.sum()), float(spent.sum())) if judged_ltv else None,
        gini=_each(gini, spent, {"Retain": value, **amounts}) if judged_ltv else {},
        coverage=float(inside.mean()) if judged_ltv else None,
    )


def _together(frame: pd.DataFrame) -> Floats:
    ranks = frame["orders"].rank(pct=True) - 2 * frame["recency"].rank(pct=True)
    return np.asarray(ranks, dtype=np.float64)


def _each(metric: Metric, truth: Floats, scores: dict[str, Floats]) -> dict[str, float]:
    return {name: metric(np.asarray(score, dtype=float), truth) for name, score in scores.items()}


def auc(score: Floats, happened: Floats) -> float:
    """Area under the ROC curve, by mid ranks."""
    ranks = pd.Series(score).rank().to_numpy()
    yes, no = float(happened.sum()), float((1 - happened).sum())
    if not yes or not no:
        return float("nan")
    return float((ranks[happened > 0].sum() - yes * (yes + 1) / 2) / (yes * no))


def gini(score: Floats, amount: Floats) -> float:
    """Normalised Gini: how far the best by score hold what there is, 1 for the perfect order."""
    return _gini(score, amount) / _gini(amount, amount) if amount.any() else float("nan")


def _gini(score: Floats, amount: Floats) -> float:
    # ties share what their group holds, so that no order of the file decides
    table = pd.DataFrame({"score": score, "amount": amount}).groupby("score")["amount"]
    held = table.mean().reindex(table.size().index)
    sizes = table.size().to_numpy()[::-1]
    flat = np.repeat(held.to_numpy()[::-1], sizes)
    lorenz = np.cumsum(flat) / flat.sum()
    return float(lorenz.mean() - (len(flat) + 1) / (2 * len(flat)))


def calibration_error(probability: Floats, happened: Floats, bins: int = 10) -> float:
    """Expected calibration error over ``bins`` of equal size."""
    order = np.argsort(probability, kind="stable")
    parts: Iterable[NDArray[np.int64]] = np.array_split(order, bins)
    return float(
        sum(abs(probability[p].mean() - happened[p].mean()) * len(p) for p in parts if len(p))
        / len(order)
    )
