"""Everything the routes call, in one hand."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from retain.manifest import Manifest
from services.answers import Json
from services.ingest import Begun, Handled
from services.metrics import Metrics
from services.outcomes import Recorded, Told
from services.rank_body import Asked
from services.schemas.predictions import PredictRequest


class Predicts(Protocol):
    """``POST /predict``."""

    def predict(self, request: PredictRequest) -> Json:
        """The answer to ``request``."""


class Ranks(Protocol):
    """``POST /rank`` and ``GET /decisions/{decision_id}``."""

    def rank(self, asked: Asked, key: str | None) -> Json:
        """A decision, durable; the same ``key`` answers the same one."""

    def replay(self, decision_id: str) -> Json:
        """The receipt of an earlier decision."""


class Ingests(Protocol):
    """``POST /events``."""

    def begin(self, body: Any) -> Begun:
        """Have the events in ``body`` stored, without waiting for it."""

    def finish(self, begun: Begun) -> Handled:
        """One result per event, once they are stored."""

    def explain(self, body: Any) -> Handled:
        """What would become of the events in ``body``."""

    def reflected(self, customer_ids: Iterable[str]) -> bool:
        """Whether the online features of these customers reflect their events."""


class Learns(Protocol):
    """``POST /feedback``."""

    def record(self, told: Told) -> Recorded:
        """What became of each outcome."""

    def record_again(self, told: Told, so_far: Recorded, due: Collection[str]) -> Recorded:
        """The same, those of the decisions that are due tried once more."""

    def finish(self, told: Told, recorded: Recorded) -> Handled:
        """One result per outcome."""


class Holds(Protocol):
    """``GET /deliveries`` and its acknowledgement."""

    def take(self, limit: int, lease_seconds: int | None) -> Json:
        """Decisions that are due, for a while nobody else's."""

    def acknowledge(self, delivery_ids: Sequence[str]) -> Handled:
        """One result per delivery."""


class Knows(Protocol):
    """``GET /customers/{customer_id}``."""

    def profile(self, customer_id: str) -> Json:
        """What is known about one customer."""


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the service can do; ``readiness`` looks at its stores and models."""

    predictions: Predicts
    ranking: Ranks
    events: Ingests
    feedback: Learns
    deliveries: Holds
    profiles: Knows
    manifests: Mapping[str, Manifest]
    readiness: Callable[[], Json]
    metrics: Metrics
