"""Going round the customers for triggers on scores and moments, in slices, on little of a core."""

import time
from collections.abc import Callable

import numpy as np

from retain.clock import Clock, to_micros
from retain.decisions.columns import of_scores
from retain.features.reader import FeatureReader
from retain.triggers.rounds import Rounds
from services.predictions import Scoring

SLICE = 200
REST_SECONDS = 60.0
"""Between one round over all customers and the next."""
SHARE = 0.05
"""Of a core, that the rounds take."""


class Rounder:
    """Reads and scores the next customers, and has them judged.

    Args:
        rounds: judges them.
        customers: the next customers after an id, at most so many, in order.
        reader: what is known of them.
        scorer: what they will do.
        clock: says when.
    """

    def __init__(
        self,
        *,
        rounds: Rounds,
        customers: Callable[[str, int], list[str]],
        reader: FeatureReader,
        scorer: Scoring,
        clock: Clock,
    ) -> None:
        self._rounds = rounds
        self._customers = customers
        self._reader = reader
        self._scorer = scorer
        self._clock = clock
        self._after = ""

    def go_on(self) -> tuple[int, float]:
        """Look at one slice; returns how many fired, and the seconds until the next slice.

        Raises:
            StoreUnavailable: a store did not answer; the same slice is next.
        """
        if not self._rounds:
            return 0, REST_SECONDS
        began = time.thread_time()
        ids = self._customers(self._after, SLICE)
        fired = self._judged(ids) if ids else 0
        self._after = ids[-1] if len(ids) == SLICE else ""
        if self._after:
            return fired, (time.thread_time() - began) / SHARE
        self._rounds.complete()
        return fired, REST_SECONDS

    def _judged(self, ids: list[str]) -> int:
        now = self._clock()
        features = self._reader.read(ids, now)
        if not features.features_as_of:
            return 0
        scores = self._scorer.score(features.sheet, features.stale_views)
        # a merged id's scores are those of its survivor, whose turn comes by itself
        own = [
            row for row, one in enumerate(scores.customer_ids) if one not in features.merged_into
        ]
        columns = of_scores(scores)
        if len(own) < len(scores.customer_ids):
            rows = np.array(own, dtype=np.int64)
            columns = {name: np.asarray(column)[rows] for name, column in columns.items()}
        return self._rounds.take([scores.customer_ids[row] for row in own], columns, to_micros(now))
