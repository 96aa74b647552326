"""Profiles: what is known about one customer."""

from collections.abc import Callable, Sequence
from datetime import datetime

from retain.clock import Clock, iso, to_micros
from retain.features.reader import FeatureReader
from retain.fields import storable
from retain.people import People
from services import answers
from services.answers import Json
from services.predictions import Scoring, unknown


class Profiles:
    """The use case behind ``GET /customers/{customer_id}``."""

    def __init__(
        self,
        *,
        reader: FeatureReader,
        scorer: Scoring,
        clock: Clock,
        people: Callable[[Sequence[str]], People] = lambda _: People(()),
    ) -> None:
        self._reader = reader
        self._scorer = scorer
        self._clock = clock
        self._people = people

    def profile(self, customer_id: str) -> Json:
        """Features with their ages, segment and consent, and the ids the customer has.

        Raises:
            UnknownCustomer: no event of this customer is known.
            StoreUnavailable: a store did not answer.
        """
        if not storable(customer_id):
            raise unknown(customer_id, field="customer_id")
        as_of = self._clock()
        features = self._reader.read([customer_id], as_of)
        if not features.features_as_of:
            raise unknown(customer_id, field="customer_id")
        scores = self._scorer.score(features.sheet, features.stale_views)
        values = {name: column[0] for name, column in answers.features(scores).items()}
        fresh = features.features_as_of.get(customer_id)
        age = _age_seconds(as_of, fresh)
        return {
            "customer_id": customer_id,
            "merged_into": features.merged_into.get(customer_id),
            "identities": identities(self._people([customer_id]), customer_id, as_of),
            "as_of": iso(as_of),
            "features_as_of": None if fresh is None else iso(fresh),
            "stale_views": features.stale_views.get(customer_id, []),
            "segment": answers.segment(scores)[0],
            "consent": {
                "withdrawn_channels": values["withdrawn_channels"],
                "withdrawn_purposes": values["withdrawn_purposes"],
                "reachable_channels": values["reachable_channels"],
                "max_contacts_per_week": values["max_contacts_per_week"],
            },
            "features": {
                name: {"value": value, "age_seconds": age} for name, value in values.items()
            },
        }


def identities(people: People, customer_id: str, as_of: datetime) -> list[Json]:
    """The other ids of the customer that ``customer_id`` is at ``as_of``, oldest first."""
    at = to_micros(as_of)
    return [one.as_json() for one in people.identities(people.customer(customer_id, at), at)]


def _age_seconds(as_of: datetime, fresh: datetime | None) -> float | None:
    return None if fresh is None else (as_of - fresh).total_seconds()
