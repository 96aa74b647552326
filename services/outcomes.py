"""Outcomes of decisions, recorded on request."""

from collections.abc import Sequence

from retain.decisions.feedback import Feedback
from services.ingest import Handled
from services.metrics import Metrics
from services.schemas.feedback import Outcome


class Outcomes:
    """The use case behind ``POST /feedback``."""

    def __init__(self, feedback: Feedback, metrics: Metrics) -> None:
        self._feedback = feedback
        self._metrics = metrics

    def record(self, outcomes: Sequence[Outcome]) -> Handled:
        """One result for each, in the order sent; what was accepted is durable.

        Raises:
            StoreUnavailable: nothing was recorded.
        """
        given = [one.model_dump(mode="json", exclude_none=True) for one in outcomes]
        results = self._feedback.record(given)
        for one, result in zip(outcomes, results, strict=True):
            self._metrics.feedback(one.outcome, result.status)
        return Handled(
            {"results": [result.as_json() for result in results]},
            complete=all(result.status != "rejected" for result in results),
        )
