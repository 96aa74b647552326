"""What a training run says about reasons: what moves each head, and why customers left."""

from dataclasses import replace

import numpy as np

from retain.quality.event_source import Source
from retain.reasons import importance, leaving
from retain.reasons.explaining import Explainable
from retain.reasons.recorded import Leaving
from training.exclusion import WhoIs
from training.fitting import FittedRun
from training.head import FittedHead


def with_importance(run: FittedRun) -> FittedRun:
    """The same run, each head's ``parameters`` with what moves its scores.

    Measured on the rows of the last three cutoffs, by the predictors as the service loads them.
    """
    champions = run.champions()
    served: dict[str, Explainable | None] = {
        "churn": champions.churn,
        "next_purchase": champions.next_purchase,
        "ltv": champions.ltv,
    }
    return replace(
        run, heads=tuple(_with_importance(run, h, served.get(h.head)) for h in run.heads)
    )


def _with_importance(run: FittedRun, head: FittedHead, predictor: Explainable | None) -> FittedHead:
    if predictor is None:
        return head
    data = run.learned_from(head)
    latest = data.where(data.latest(np.ones(len(data.cutoffs), dtype=bool)))
    matrix = latest.matrix(predictor.manifest.features)
    found = importance.importance(predictor, matrix, data.seed)
    return replace(head, parameters={**head.parameters, "importance": found})


def recorded_reasons(run: FittedRun, source: Source, people: WhoIs | None) -> Leaving:
    """Reasons for leaving recorded since the first cutoff, beside who left afterwards."""
    data = run.data
    return leaving.find(
        source,
        data.plan.every[0],
        run.as_of,
        data.horizon_days,
        usual_share_left=float(data.churned.mean()),
        without=data.withdrawn | run.exclusion.customers,
        people=people,
    )
