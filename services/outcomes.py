"""Outcomes of decisions, recorded on request."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from retain.decisions.feedback import Feedback, FeedbackResult
from services.ingest import Handled
from services.metrics import Metrics
from services.schemas.feedback import Outcome


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of each outcome so far, in the order sent."""

    results: Sequence[FeedbackResult]

    @property
    def missing(self) -> list[str]:
        """Decisions that were named and are not there, or not yet."""
        return [result.missing for result in self.results if result.missing is not None]


class Outcomes:
    """The use case behind ``POST /feedback``."""

    def __init__(self, feedback: Feedback, metrics: Metrics) -> None:
        self._feedback = feedback
        self._metrics = metrics

    def record(self, outcomes: Sequence[Outcome]) -> Recorded:
        """One result for each, in the order sent; what was accepted is durable.

        Raises:
            StoreUnavailable: nothing was recorded.
        """
        return Recorded(self._results(outcomes))

    def record_again(
        self, outcomes: Sequence[Outcome], so_far: Recorded, due: Collection[str]
    ) -> Recorded:
        """Try those again whose decision was missing and may be there by now.

        Raises:
            StoreUnavailable: nothing more was recorded.
        """
        tried = [result.missing in due for result in so_far.results]
        again = iter(self._results([one for one, yes in zip(outcomes, tried, strict=True) if yes]))
        results = zip(tried, so_far.results, strict=True)
        return Recorded([next(again) if yes else result for yes, result in results])

    def finish(self, outcomes: Sequence[Outcome], recorded: Recorded) -> Handled:
        """The answer, once no outcome is tried again."""
        for one, result in zip(outcomes, recorded.results, strict=True):
            self._metrics.feedback(one.outcome, result.status)
        return Handled(
            {"results": [result.as_json() for result in recorded.results]},
            complete=all(result.status != "rejected" for result in recorded.results),
        )

    def _results(self, outcomes: Sequence[Outcome]) -> list[FeedbackResult]:
        given = [one.model_dump(mode="json", exclude_none=True) for one in outcomes]
        return self._feedback.record(given)
