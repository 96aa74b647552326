"""How Retain stands beside every baseline at one cutoff, each number with its interval."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.clock import iso
from retain.manifest import Measured
from retain.predictors.trees import Floats
from training.baselines import BLEND, LAST_YEAR, SOON_DAYS, Answers
from training.bootstrap import Bootstrap, Comparison, compared, interval
from training.metrics import AUC, BRIER, CALIBRATION_ERROR, GINI, LEVEL, Metric
from training.rolling import OURS, Scored

REPLICATES = 500
RANKING = ("churn_auc", "churn_brier", "purchase_auc_30d", "ltv_gini")
"""The metrics the verdict against the blend is about."""
NAMES = {
    "churn_auc": "churn AUC",
    "churn_brier": "churn Brier score",
    "churn_ece": "churn ECE",
    "purchase_auc_30d": "purchase AUC, 30 days",
    "purchase_ece_30d": "purchase ECE, 30 days",
    "ltv_gini": "LTV normalised Gini",
    "revenue_bias": "total revenue, size of bias",
    "buyers_bias": "number of buyers, size of bias",
}

Truth = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Question:
    """A metric of one kind of answer: which score, against which outcome."""

    metric: Metric
    score: Callable[[Answers], Floats | None]
    truth: Callable[[Truth], Floats]


def _leaves(one: Answers) -> Floats | None:
    return one.leaves


def _probability(one: Answers) -> Floats | None:
    return one.leaves if one.probability else None


def _buys(one: Answers) -> Floats | None:
    return 1.0 - one.leaves if one.probability and one.leaves is not None else None


def _amount(one: Answers) -> Floats | None:
    return one.value if one.amount else None


def _ordered_soon(truth: Truth) -> Floats:
    return (truth["days_to_order"] <= SOON_DAYS).astype(np.float64)


QUESTIONS: Mapping[str, Question] = {
    "churn_auc": Question(AUC, _leaves, lambda truth: truth["churned"]),
    "churn_brier": Question(BRIER, _probability, lambda truth: truth["churned"]),
    "churn_ece": Question(CALIBRATION_ERROR, _probability, lambda truth: truth["churned"]),
    "purchase_auc_30d": Question(AUC, lambda one: one.soon, _ordered_soon),
    "purchase_ece_30d": Question(
        CALIBRATION_ERROR, lambda one: one.soon if one.probability else None, _ordered_soon
    ),
    "ltv_gini": Question(GINI, lambda one: one.value, lambda truth: truth["net_revenue"]),
    "revenue_bias": Question(LEVEL, _amount, lambda truth: truth["net_revenue"]),
    "buyers_bias": Question(LEVEL, _buys, lambda truth: truth["ordered"]),
}


@dataclass(frozen=True, slots=True)
class Beside:
    """One baseline's number, and by how much Retain is better (paired)."""

    value: Measured
    difference: Measured
    p_value: float


@dataclass(frozen=True, slots=True)
class Standing:
    """One metric at one cutoff."""

    ours: Measured
    baselines: Mapping[str, Beside]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "retain": self.ours.model_dump(),
            "baselines": {
                name: {
                    "value": one.value.model_dump(),
                    "difference": one.difference.model_dump(),
                    "p_value": one.p_value,
                }
                for name, one in self.baselines.items()
            },
        }


def standings(scored: Scored, seed: int, replicates: int = REPLICATES) -> dict[str, Standing]:
    """Every question that Retain answers at this cutoff, by name."""
    customers = np.array(scored.customers, dtype=object)
    bootstrap = Bootstrap(customers, seed, replicates)
    # by another label who does not leave is no buyer
    by_orders = np.array_equal(scored.outcomes["churned"], 1.0 - scored.outcomes["ordered"])
    found = {}
    for name, question in QUESTIONS.items():
        if name == "buyers_bias" and not by_orders:
            continue
        answers = _answers(scored, name, question)
        if OURS in answers:
            truth = question.truth(scored.outcomes)
            asked = np.isfinite(truth) & np.isfinite(answers[OURS])
            if not asked.any():
                continue
            judged = bootstrap if asked.all() else Bootstrap(customers[asked], seed, replicates)
            answers = {who: score[asked] for who, score in answers.items()}
            ours = answers.pop(OURS)
            found[name] = stand(judged, question.metric, truth[asked], ours, answers)
    return found


def _answers(scored: Scored, name: str, question: Question) -> dict[str, Floats]:
    """Scores by who gave them; of a level also the blend matched to the year before."""
    found = {
        who: score
        for who, one in scored.answers.items()
        if (score := question.score(one)) is not None
    }
    total = scored.last_year.get(name.removesuffix("_bias"))
    if total is not None and BLEND in found:
        found[LAST_YEAR] = found[BLEND] * (total / found[BLEND].sum())
    return found


def stand(
    bootstrap: Bootstrap, metric: Metric, truth: Floats, ours: Floats, others: Mapping[str, Floats]
) -> Standing:
    """Retain's score beside others on the same rows and the same replicates."""
    own = bootstrap.values(metric.prepare(truth, ours))
    beside = {
        who: _compare(metric, own, bootstrap.values(metric.prepare(truth, score)))
        for who, score in others.items()
    }
    return Standing(
        interval(*own),
        {who: Beside(one.rule, one.difference, one.p_value) for who, one in beside.items()},
    )


def _compare(metric: Metric, ours: tuple[float, Floats], rule: tuple[float, Floats]) -> Comparison:
    if metric is not LEVEL:
        return compared(ours, rule, 1.0 if metric.higher_is_better else -1.0)
    closer = compared(_size(ours), _size(rule), -1.0)
    return Comparison(interval(*ours), interval(*rule), closer.difference, closer.p_value)


def _size(values: tuple[float, Floats]) -> tuple[float, Floats]:
    """A bias is better the closer to zero it is."""
    return abs(values[0]), np.abs(values[1])


def as_json(scored: Scored, found: Mapping[str, Standing]) -> dict[str, Any]:
    """One cutoff as plain JSON."""
    cutoff = scored.cutoff
    return {
        "as_of": iso(cutoff.as_of),
        "horizon_days": cutoff.horizon_days,
        "counted": cutoff.counted,
        "why_not": cutoff.why_not,
        "customers": len(scored.customers),
        "buyers": int(scored.outcomes["ordered"].sum()),
        "net_revenue": float(scored.outcomes["net_revenue"].sum()),
        "interval_coverage": _coverage(scored),
        "trained_on": scored.trained_on,
        "notes": list(scored.notes),
        "last_year": dict(scored.last_year),
        "metrics": {name: one.as_json() for name, one in found.items()},
    }


def _coverage(scored: Scored) -> float | None:
    known = np.isfinite(scored.low) & np.isfinite(scored.high)
    if not known.any():
        return None
    net = scored.outcomes["net_revenue"]
    return float(((net >= scored.low) & (net <= scored.high))[known].mean())
