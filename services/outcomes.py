"""Outcomes of decisions, recorded on request."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from retain.decisions.feedback import Feedback, FeedbackResult
from services.ingest import Handled
from services.metrics import Metrics
from services.metrics.stores import timed
from services.problems import of_validation
from services.schemas.feedback import Malformed, Outcome

Told = Sequence[Outcome | Malformed]
MALFORMED = "malformed"
"""The outcome, in metrics, of what is none."""


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
        self._record = timed(feedback.record, metrics, "feedback", "record")
        self._metrics = metrics

    def record(self, told: Told) -> Recorded:
        """One result for each, in the order sent; what was accepted is durable.

        Raises:
            StoreUnavailable: nothing was recorded.
        """
        refused = [_refused(one) if isinstance(one, Malformed) else None for one in told]
        return self._recorded(told, refused)

    def record_again(self, told: Told, so_far: Recorded, due: Collection[str]) -> Recorded:
        """Try those again whose decision was missing and may be there by now.

        Raises:
            StoreUnavailable: nothing more was recorded.
        """
        kept = [None if result.missing in due else result for result in so_far.results]
        return self._recorded(told, kept)

    def finish(self, told: Told, recorded: Recorded) -> Handled:
        """The answer, once no outcome is tried again."""
        for one, result in zip(told, recorded.results, strict=True):
            kind = one.outcome if isinstance(one, Outcome) else MALFORMED
            self._metrics.feedback(kind, result.status)
        return Handled(
            {"results": [result.as_json() for result in recorded.results]},
            complete=all(result.status != "rejected" for result in recorded.results),
        )

    def _recorded(self, told: Told, known: Sequence[FeedbackResult | None]) -> Recorded:
        """With the results of those of whom none is known yet."""
        given = [
            one.model_dump(mode="json", exclude_none=True)
            for one, result in zip(told, known, strict=True)
            if result is None and isinstance(one, Outcome)
        ]
        made = iter(self._record(given) if given else ())
        return Recorded([next(made) if result is None else result for result in known])


def _refused(one: Malformed) -> FeedbackResult:
    said = of_validation(one.error)
    return FeedbackResult(one.feedback_id, "rejected", said.detail, said.field)
