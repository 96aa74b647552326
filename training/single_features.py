"""How well each feature alone tells who leaves: what tells too much is a leak or a label.

Words are ranked by the share that left among other customers with the same word, so that a word
of one customer's own tells nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from retain.features.catalogue import FEATURES
from retain.predictors.trees import Floats
from training.curves import wilson
from training.dataset import Dataset
from training.metrics import AUC, measure

_SUBSCRIPTION = {
    "subscription_active",
    "subscription_changed_days",
    "subscription_plan",
    "days_to_term_end",
}
ATTRIBUTES = frozenset(one.name for one in FEATURES if one.relation == "profile") - _SUBSCRIPTION
"""What a shop says of a customer, rather than what the customer did or has agreed to."""

_PRIOR_ROWS = 20.0


@dataclass(frozen=True, slots=True)
class Alone:
    """How well one feature alone tells who leaves.

    Attributes:
        auc: whichever way round.
        surely: what of it can be relied on, the lower end of an interval for an attribute: a
            handful of leavers share a country by chance.
    """

    auc: float
    surely: float


def aucs(data: Dataset) -> Mapping[str, Alone]:
    """What each feature alone tells of who leaves, by name.

    Of an attribute the surer of that over all rows and that of the latest cutoff: one that says
    who had left when the data were drawn tells most there.
    """
    found = {name: auc for name in data.columns if (auc := _auc(data, name)) is not None}
    latest = data.where(data.at(data.plan.holdout[-1:]))
    return {
        name: _surest(name, auc, data, latest) if name in ATTRIBUTES else Alone(auc, auc)
        for name, auc in found.items()
    }


def _surest(name: str, auc: float, data: Dataset, latest: Dataset) -> Alone:
    late = _auc(latest, name)
    candidates = [Alone(auc, _surely(auc, data))]
    if late is not None:
        candidates.append(Alone(late, _surely(late, latest)))
    return max(candidates, key=lambda one: one.surely)


def _surely(auc: float, data: Dataset) -> float:
    """A bound from below that holds also of few; NaN, where all or none left, is none.

    As of a share among the customers of the rarer outcome: the variance of an AUC is at most
    A (1 - A) over their number (Z. W. Birnbaum, O. M. Klose 1957).
    """
    left = data.churned > 0
    rarer = min(len(np.unique(data.customers[left])), len(np.unique(data.customers[~left])))
    return wilson(auc * rarer, rarer)[0] if rarer else 0.0


def _auc(data: Dataset, name: str) -> float | None:
    column = data.columns[name]
    score = _of_words(data, column) if column.dtype == object else _of_numbers(column)
    if score is None:
        return None
    auc = measure(AUC, data.churned, score)
    return max(auc, 1.0 - auc)


def _of_numbers(column: np.ndarray) -> Floats | None:
    values = np.asarray(column, dtype=np.float64)
    if not np.isfinite(values).any():
        return None
    # missing is a value of its own, below all others
    return np.where(np.isfinite(values), values, np.nanmin(values) - 1.0)


def _of_words(data: Dataset, column: np.ndarray) -> Floats | None:
    """The share that left in the other half of the customers, by word, (n,)."""
    words = np.unique([_word(one) for one in column], return_inverse=True)[1]
    if words.max(initial=0) == 0:
        return None
    half = np.unique(data.customers, return_inverse=True)[1] % 2 == 0
    score = np.zeros(len(words))
    for here, other in ((half, ~half), (~half, half)):
        rows = np.bincount(words[other], minlength=int(words.max()) + 1)
        left = np.bincount(words[other], data.churned[other], minlength=len(rows))
        usual = float(data.churned[other].mean()) if other.any() else 0.5
        shares = (left + _PRIOR_ROWS * usual) / (rows + _PRIOR_ROWS)
        score[here] = shares[words[here]]
    return score


def _word(value: object) -> str:
    if isinstance(value, list | tuple | np.ndarray):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
