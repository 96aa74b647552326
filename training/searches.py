"""Searches: every head that trees are fitted for, tuned side by side, and what is noted of it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Self

from retain.errors import NotEnoughData
from retain.manifest import Head
from training import churn, ltv, next_purchase, tuning
from training.configuration import Training
from training.dataset import Dataset
from training.enough import examined
from training.head import FittedHead
from training.tuning import Search, Train

Progress = Callable[[str, int, int], None]

WORKERS = 2
_TRAIN: Mapping[Head, Train] = {
    "churn": churn.train,
    "next_purchase": next_purchase.train,
    "ltv": ltv.train,
}


@dataclass(frozen=True, slots=True)
class Searches:
    """Searches by head; empty where nothing is tuned."""

    found: Mapping[Head, Search] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        data: Mapping[Head, Dataset],
        heads: Sequence[Head],
        declared: Training,
        seed: int,
        report: Progress,
    ) -> Self:
        """Search for each of ``heads`` that has trees, and enough data.

        Where churn is the other side of the next purchase's curve, one search is for both.

        Raises:
            NotEnoughData: the history is too short for a fold before the holdout.
            InvalidInput: Optuna is not installed.
        """
        tuning.library()
        wanted = [head for head in _TRAIN if head in heads]
        if data["churn"] is data["next_purchase"] and {"churn", "next_purchase"} <= set(wanted):
            wanted.remove("churn")
        wanted = [head for head in wanted if _enough(head, data[head], declared)]
        total, done, alone = len(wanted) * declared.tuning.trials, 0, Lock()

        def told() -> None:
            nonlocal done
            with alone:
                done += 1
                report("tuning", done, total)

        def searched(head: Head) -> Search:
            return tuning.search(_TRAIN[head], data[head], declared.tuning, seed, told)

        report("tuning", 0, total)
        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            found = dict(zip(wanted, pool.map(searched, wanted), strict=True))
        report("tuning", total, total)
        if "churn" in heads and "churn" not in found and "next_purchase" in found:
            found["churn"] = found["next_purchase"]
        return cls(found)

    def applied(self, data: Mapping[Head, Dataset]) -> dict[Head, Dataset]:
        """The data of each head with the parameters that were found for it."""
        applied = {
            head: replace(own, trees=self.found[head].trees) if head in self.found else own
            for head, own in data.items()
        }
        if data["churn"] is data["next_purchase"]:
            applied["churn"] = applied["next_purchase"]
        return applied

    def noted(self, head: FittedHead) -> FittedHead:
        """``head`` with its search in its parameters and a sentence in its notes."""
        if head.head not in self.found:
            return head
        record = self.found[head.head].record
        parameters = {**head.parameters, "tuning": record}
        return replace(head, parameters=parameters, notes=(*head.notes, tuning.describe(record)))


def _enough(head: Head, data: Dataset, declared: Training) -> bool:
    least = {
        "churn": declared.minimum.churn,
        "next_purchase": declared.minimum.next_purchase,
        "ltv": declared.minimum.ltv,
    }
    try:
        examined(head, data, least[head])
    except NotEnoughData:
        return False
    return True
