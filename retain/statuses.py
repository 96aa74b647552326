"""Whether a head answers for a customer, and the word that says why not."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retain.features.staleness import StaleViews, too_old
from retain.manifest import Manifest

OK = "ok"
ALREADY_CHURNED = "already_churned"
INSUFFICIENT_DATA = "insufficient_data"
NO_CONSENT = "no_consent"
STALE_FEATURES = "stale_features"
NO_MODEL = "no_model"


class Predictor(Protocol):
    """Any head's predictor."""

    @property
    def manifest(self) -> Manifest: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What decides whether a head answers for each of n customers."""

    customer_ids: list[str]
    consent: NDArray[np.bool_]
    bought: NDArray[np.bool_]
    stale_views: StaleViews

    def scored(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Who is scored by a model of the features ``names``."""
        return self.consent & self.bought & ~too_old(self.customer_ids, self.stale_views, names)

    def allowed(self, names: Iterable[str]) -> NDArray[np.bool_]:
        """Whose features ``names`` may be used and are not too old, bought or not."""
        return self.consent & ~too_old(self.customer_ids, self.stale_views, names)

    def statuses(self, names: Iterable[str]) -> list[str]:
        """What a model of the features ``names`` says of each."""
        old = too_old(self.customer_ids, self.stale_views, names)
        known = np.where(old, STALE_FEATURES, np.where(self.bought, OK, INSUFFICIENT_DATA))
        told: list[str] = np.where(self.consent, known, NO_CONSENT).tolist()
        return told


def statuses_of(known: Known, predictor: Predictor | None) -> list[str]:
    """What a head's predictor says of each of n customers; None is a head without one."""
    if predictor is None:
        return [NO_MODEL] * len(known.customer_ids)
    return known.statuses(names_of(predictor))


def names_of(predictor: Predictor) -> list[str]:
    """The features a predictor reads."""
    return [feature.name for feature in predictor.manifest.features]
