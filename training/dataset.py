"""The training set: customers at cutoffs, their read-time features and their labels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retain import labels
from retain.clock import to_micros
from retain.columns import Columns
from retain.features import consent
from retain.features.ageing import aged
from retain.features.matrix import to_matrix
from retain.manifest import ModelFeature
from retain.predictors.trees import Floats
from retain.quality.event_source import Source
from retain.quality.features import snapshot_of_columns
from retain.quality.profile import Profile
from training.cutoffs import Plan
from training.exclusion import Exclusion

POPULATION_DAYS = 365
LATEST_CUTOFFS = 3
POPULATION = f"customers with an order in the {POPULATION_DAYS} days before the moment of scoring"

Mask = NDArray[np.bool_]


class FeatureSource(Protocol):
    """Where training gets features and facts from; nothing after ``as_of`` is ever returned."""

    def training_table(self, cutoffs: Sequence[datetime]) -> pa.Table:
        """The feature table of every known customer at each cutoff."""
        ...

    def features_at(self, keys: pa.Table) -> pa.Table:
        """The feature table of (customer_id, as_of) keys, in their order."""
        ...

    def orders(self) -> pa.Table:
        """``customer_id, ts, is_order, value``; refunds are negative."""
        ...

    def assignments(self) -> pa.Table:
        """``customer_id, as_of, action_id, treated, campaign_id``."""
        ...

    def span(self) -> tuple[datetime, datetime]:
        """First and last moment of any event."""
        ...

    def events(self) -> Source:
        """The events themselves, for the rules that find who is no customer."""
        ...


@dataclass(frozen=True, slots=True)
class Dataset:
    """n rows of (customer, cutoff), in the order of cutoffs.

    Attributes:
        cutoffs: epoch microseconds, (n,).
        days_to_order: NaN where no order came within the horizon.
        current: the population's columns at ``as_of`` itself, which have no labels yet.
        profile: how the features were distributed, and how far they moved between cutoffs.
        withdrawn: customers who no longer consent to profiling; there is no row of them.
    """

    plan: Plan
    horizon_days: int
    seed: int
    customers: NDArray[Any]
    cutoffs: NDArray[np.int64]
    columns: Columns
    churned: Floats
    days_to_order: Floats
    net_revenue: Floats
    current: Columns
    profile: Profile
    withdrawn: frozenset[str] = frozenset()

    def at(self, cutoffs: Sequence[datetime]) -> Mask:
        """Which rows belong to these cutoffs, (n,)."""
        return np.isin(self.cutoffs, [to_micros(at) for at in cutoffs])

    def latest(self, mask: Mask) -> Mask:
        """Those rows of ``mask`` that belong to its last three cutoffs."""
        moments = np.unique(self.cutoffs[mask])[-LATEST_CUTOFFS:]
        return mask & np.isin(self.cutoffs, moments)

    def half(self) -> Mask:
        """One half of the customers, with all their rows."""
        codes = np.unique(self.customers, return_inverse=True)[1]
        return np.asarray(codes % 2 == 0, dtype=np.bool_)

    def matrix(self, features: Sequence[ModelFeature]) -> Floats:
        """The (n, d) matrix of these features."""
        return to_matrix(self.columns, features)

    def where(self, mask: Mask) -> "Dataset":
        """The rows of ``mask``."""
        return replace(
            self,
            customers=self.customers[mask],
            cutoffs=self.cutoffs[mask],
            columns={name: column[mask] for name, column in self.columns.items()},
            churned=self.churned[mask],
            days_to_order=self.days_to_order[mask],
            net_revenue=self.net_revenue[mask],
        )

    def digest(self, features: Sequence[ModelFeature]) -> str:
        """sha256 over keys, features and labels."""
        found = hashlib.sha256("\n".join(self.customers).encode())
        for part in (self.cutoffs, self.matrix(features), self.churned, self.net_revenue):
            found.update(np.ascontiguousarray(part).tobytes())
        return found.hexdigest()


def build(
    source: FeatureSource,
    plan: Plan,
    as_of: datetime,
    horizon_days: int,
    seed: int,
    *,
    exclusion: Exclusion | None = None,
) -> Dataset:
    """Features and labels of the population at every cutoff of ``plan``, without the excluded."""
    table = (exclusion or Exclusion()).kept(source.training_table([*plan.every, as_of]))
    columns = aged(table)
    now = table.column("as_of").cast(pa.int64()).to_numpy() == to_micros(as_of)
    customers = np.array(table.column("customer_id").to_pylist(), dtype=object)
    # who withdrew by now is in no row, also of moments at which they had not
    withdrawn = frozenset(customers[now & ~consent.given(columns["withdrawn_purposes"])])
    population = np.asarray(columns["order_recency_days"], dtype=np.float64) < POPULATION_DAYS
    population &= np.array([one not in withdrawn for one in customers], dtype=bool)
    labelled = population & ~now
    keys = table.select(["customer_id", "as_of"]).filter(pa.array(labelled))
    cutoffs = keys.column("as_of").cast(pa.int64()).to_numpy()
    labelled_columns = {name: column[labelled] for name, column in columns.items()}
    found = labels.outcomes(keys, source.orders(), horizon_days)
    return Dataset(
        plan=plan,
        horizon_days=horizon_days,
        seed=seed,
        customers=customers[labelled],
        cutoffs=cutoffs,
        columns=labelled_columns,
        churned=found.column("churned").cast(pa.float64()).to_numpy(),
        days_to_order=found.column("days_to_order").to_numpy(),
        net_revenue=found.column("net_revenue").to_numpy(),
        current={name: column[population & now] for name, column in columns.items()},
        profile=snapshot_of_columns(
            labelled_columns, cutoffs, ordered_within_days=float(POPULATION_DAYS)
        ),
        withdrawn=withdrawn,
    )
