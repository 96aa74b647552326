"""One customer as a decision rests on them, read and scored without a wait or an array."""

from dataclasses import dataclass
from datetime import datetime
from time import perf_counter

from feature_repo.online_one import OneReader
from retain.clock import from_micros, to_micros
from retain.decisions.columns import put_scores
from retain.errors import FingerprintMismatch, StoreUnavailable
from retain.items.suggestions import Suggested
from retain.one.features import One
from retain.one.scoring import OneScorer
from retain.one.suggesting import Suggesting
from retain.segments import Segmenter
from services.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer whose row holds.

    Attributes:
        one: features, segment and scores.
        features_as_of: the moment up to which every accepted event is in them.
        suggestions: what they may buy next, computed when it is asked for.
    """

    one: One
    features_as_of: datetime
    suggestions: Suggested | None


class SingleKnown:
    """Reads and scores one customer for ``route``; None where it takes more than this."""

    def __init__(
        self,
        *,
        reader: OneReader,
        scorer: OneScorer,
        segmenter: Segmenter,
        suggests: Suggesting,
        metrics: Metrics,
        route: str,
    ) -> None:
        self._reader = reader
        self._scorer = scorer
        self._segmenter = segmenter
        self._suggests = suggests
        self._metrics = metrics
        self._route = route

    def of(self, customer_id: str, now: datetime) -> Known | None:
        """The customer at ``now``."""
        moment = to_micros(now)
        begun = perf_counter()
        try:
            found = self._reader.read(customer_id, moment)
            if found is None:
                return None
            read = perf_counter()
            scores = self._scorer.score(found.one, moment)
        except (FingerprintMismatch, StoreUnavailable):
            # damaged, locked or gone: whoever may wait and compute answers
            return None
        self._segmenter.of_one(found.one)
        known = Known(
            put_scores(scores),
            from_micros(found.features_as_of),
            self._suggests.suggestions(scores),
        )
        scored = perf_counter()
        self._metrics.store("online", "read", read - begun, failed=False)
        self._metrics.stages(self._route, None, read - begun, scored - read, None, None)
        return known
