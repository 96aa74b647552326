"""Leaving: from how much silence on a customer is taken to have left, learned or declared."""

from dataclasses import dataclass
from typing import Any

from training import hiatus
from training.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Leaving:
    """The rule a churn model is served with.

    Attributes:
        hiatus_days: beyond so many days the service says ``already_churned``.
        parameters: what the manifest keeps of it.
        sentence: the same in words.
    """

    hiatus_days: float
    parameters: dict[str, Any]
    sentence: str


def rule(data: Dataset) -> Leaving:
    """The rule of ``data``'s label: declared, or the best of the training window.

    Before the horizon is over nobody has shown that they left: a learned rule is never shorter.
    """
    told = data.churn
    if told.label == "subscription_not_renewed":
        sentence = (
            f"A subscription is over when it is cancelled, or {told.grace_days} days after the "
            "end of its term: then the service says already_churned."
        )
        return _of(data, float(told.grace_days), {"grace_days": told.grace_days}, sentence)
    learned = hiatus.learn(data.inactivity_days(), data.churned)
    declared = told.hiatus_days
    days = max(learned, float(data.horizon_days)) if declared == "learned" else float(declared)
    sentence = (
        f"The best rule on {_SILENCE[told.label]} takes a customer to have left after "
        f"{learned:g} days; beyond {days:g} days{_BY[declared == 'learned']} the service says "
        "already_churned."
    )
    return _of(data, days, {"learned_hiatus_days": learned}, sentence)


_SILENCE = {"no_order": "recency", "no_activity": "the time since any activity"}
_BY = {True: "", False: ", as declared,"}


def _of(data: Dataset, days: float, noted: dict[str, Any], sentence: str) -> Leaving:
    parameters = {"churn_label": data.churn.label, "hiatus_days": days, **noted}
    return Leaving(days, parameters, sentence)
