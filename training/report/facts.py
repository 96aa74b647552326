"""What the page says about each head, computed once from the run's files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.manifest import Measured
from retain.predictors.trees import Floats
from training.baselines import BLEND, SOON_DAYS, TITLES
from training.bootstrap import Bootstrap
from training.comparisons import Standing, stand
from training.grades import Grade, grade
from training.holdout import OURS, Held
from training.metrics import AUC, BRIER, CALIBRATION_ERROR, GINI, LEVEL, SPEARMAN, Metric
from training.report import terms

SEED = 7
REPLICATES = 300
OF_CURVES = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """One metric of a head: its name, and whether only probabilities or amounts have it."""

    metric: Metric
    title: str
    exact: bool = False


HEADLINE = {"churn": "auc", "next_purchase": "auc", "ltv": "gini"}
_PROBABILITY = {
    "auc": Asked(AUC, "AUC"),
    "brier": Asked(BRIER, "Brier score (low is good)", exact=True),
    "ece": Asked(CALIBRATION_ERROR, "Calibration error (low is good)", exact=True),
}
ASKED: Mapping[str, Mapping[str, Asked]] = {
    "churn": _PROBABILITY,
    "next_purchase": _PROBABILITY,
    "ltv": {
        "gini": Asked(GINI, "Normalised Gini"),
        "spearman": Asked(SPEARMAN, "Rank correlation"),
        "level": Asked(LEVEL, "Bias of the total", exact=True),
    },
}
_PART = {"churn": "leaves", "next_purchase": "soon", "ltv": "value"}


@dataclass(frozen=True, slots=True)
class HeadFacts:
    """One head: its entry of the evaluation, its holdout, and how it stands.

    Attributes:
        truth, score: outcome and answer of the headline metric, each (n,).
        rivals: what each baseline says, by name; ``exact`` of those that say a probability
            or an amount.
        resampled: replicates for the intervals of curves.
        currency: of amounts; empty where there is none to name.
    """

    head: str
    horizon_days: int
    entry: Mapping[str, Any]
    held: Held
    truth: Floats
    score: Floats
    rivals: Mapping[str, Floats]
    exact: frozenset[str]
    standings: Mapping[str, Standing]
    grade: Grade
    resampled: Bootstrap
    currency: str = ""

    @property
    def title(self) -> str:
        """The finding in one line."""
        asked, standing = self.headline
        within = f" within {self.soon_days} days" if self.head == "next_purchase" else ""
        found = f"{asked.title} {standing.ours.value:.2f}, {place(standing)}"
        return f"{self.name}{within}: {found}"

    @property
    def name(self) -> str:
        """What the head is called."""
        return terms.head(self.head)

    @property
    def money(self) -> str:
        """``net revenue, GBP``."""
        return amount("net revenue", self.currency)

    @property
    def headline(self) -> tuple[Asked, Standing]:
        """The metric the title is about."""
        name = HEADLINE[self.head]
        return ASKED[self.head][name], self.standings[name]

    @property
    def soon_days(self) -> int:
        """What ``soon`` means for this run."""
        return min(SOON_DAYS, self.horizon_days)


def amount(what: str, currency: str) -> str:
    """What an amount is of, with its currency where that is known."""
    return f"{what}, {currency}" if currency else what


def currency_of(evaluation: Mapping[str, Any]) -> str:
    """The currency of a run's amounts; of several, that they were added up as they are."""
    data = evaluation.get("data") or {}
    several = sorted(data.get("currencies") or {})
    if len(several) > 1:
        return f"{' and '.join(several)} added up as they are"
    return str(data.get("currency") or "")


def of(
    head: str, entry: Mapping[str, Any], held: Held, horizon_days: int, currency: str = ""
) -> HeadFacts:
    """The facts of a head from its entry in ``evaluation.json`` and its holdout."""
    truth, score = _truth_and_score(head, held, min(SOON_DAYS, horizon_days))
    part = _PART[head]
    exact = frozenset(name for name in TITLES if f"{name}.{part}" in held)
    rivals = {
        name: np.asarray(held[column], dtype=np.float64)
        for name in TITLES
        for column in (f"{name}.{part}", f"{name}.{part}_rank")
        if column in held
    }
    bootstrap = Bootstrap(held["customer_id"], SEED, REPLICATES)
    standings = {}
    for name, asked in ASKED[head].items():
        others = {who: s for who, s in rivals.items() if who in exact or not asked.exact}
        standings[name] = stand(bootstrap, asked.metric, truth, score, others)
    blend = standings[HEADLINE[head]].baselines.get(BLEND)
    graded = grade(
        beats_rule=bool(entry["beats_baseline"]),
        rule=dumb_rule(entry),
        against_blend=blend.difference if blend else None,
    )
    return HeadFacts(
        head,
        horizon_days,
        entry,
        held,
        truth,
        score,
        rivals,
        exact,
        standings,
        graded,
        Bootstrap(held["customer_id"], SEED, OF_CURVES),
        currency,
    )


def dumb_rule(entry: Mapping[str, Any]) -> str:
    """The rule the head has to beat, as its baselines name it."""
    rules = [name for name in entry["baselines"] if name.startswith("difference.")]
    return terms.rule(rules[0].split(".")[1]) if rules else "none"


def place(standing: Standing) -> str:
    """Where Retain stands among its baselines, in words."""
    worse = [n for n, one in standing.baselines.items() if one.difference.high < 0]
    better = [n for n, one in standing.baselines.items() if one.difference.low > 0]
    every = len(standing.baselines)
    if not every:
        return "without a baseline beside it"
    if len(better) == every:
        return "ahead of every baseline"
    if worse:
        return "behind the " + _listed([TITLES[name] for name in worse])
    if better:
        return f"ahead of {len(better)} of {every} baselines, behind none"
    return "not told apart from its baselines"


def measured(content: Mapping[str, float]) -> Measured:
    """An interval as JSON keeps it."""
    return Measured.model_validate(dict(content))


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _truth_and_score(head: str, held: Held, soon_days: int) -> tuple[Floats, Floats]:
    if head == "churn":
        return held["churned"], held[f"{OURS}.leaves"]
    if head == "next_purchase":
        ordered = (held["days_to_order"] <= soon_days).astype(np.float64)
        return ordered, held[f"{OURS}.by_{soon_days}d"]
    return held["net_revenue"], held[f"{OURS}.value"]
