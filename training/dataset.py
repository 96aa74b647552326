"""The training set: customers at cutoffs, their read-time features and their labels."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retain import labels, standing
from retain.clock import to_micros
from retain.columns import Columns
from retain.errors import NotEnoughData
from retain.features.matrix import to_matrix
from retain.manifest import ModelFeature
from retain.predictors.trees import Floats
from retain.quality.profile import Profile
from training import population
from training.configuration import Churn
from training.cutoffs import Plan
from training.departures import departures
from training.exclusion import Exclusion
from training.feature_source import FeatureSource
from training.occasions import Known, nothing_known
from training.population import HABITS_READ, POPULATION, POPULATION_DAYS, Mask, People
from training.trade import Trade

__all__ = [
    "POPULATION",
    "POPULATION_DAYS",
    "Dataset",
    "FeatureSource",
    "Mask",
    "Populations",
    "build",
    "populations",
]

LATEST_CUTOFFS = 3
MOST_ROWS = 1_000_000
ORDERING = Churn()

Progress = Callable[[str, int, int], None]

_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Dataset:
    """n rows of (customer, cutoff), in the order of cutoffs.

    Attributes:
        cutoffs: epoch microseconds, (n,).
        columns: read-time features by name, numbers and texts; lists are left out.
        churned: 1 for who left by the declared ``churn`` label.
        days_to_order: NaN where no order came within the horizon.
        current: the population's columns at ``as_of`` itself, which have no labels yet.
        profile: how the features were distributed, and how far they moved between cutoffs.
        withdrawn: customers who no longer consent to profiling; there is no row of them.
        churn: what leaving means.
        orders: orders these customers ever placed, up to ``as_of``.
        history_days: from the first event to ``as_of``.
        drawn: the share of customers that were drawn, where there were too many.
        asked_days: the horizon that was asked for, where it is longer than any label can be.
        discount_rate_per_year: of the net revenue, by day of receipt.
        trees: parameters that a search found for the heads of this data.
        known: the calendar, as it was known at any moment up to ``as_of``.
        trade: the orders of everybody but the excluded, up to ``as_of``.
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
    churn: Churn = ORDERING
    orders: int = 0
    history_days: float = 0.0
    drawn: float = 1.0
    discount_rate_per_year: float = 0.0
    trees: Mapping[str, Any] = field(default_factory=dict)
    asked_days: int | None = None
    known: Known = nothing_known
    trade: Trade = field(kw_only=True)

    @property
    def served_days(self) -> int:
        """The horizon of the answers: that of the labels, or a longer one that was asked for."""
        return self.asked_days or self.horizon_days

    @property
    def extrapolation(self) -> dict[str, Any]:
        """For a manifest: whether labels reach as far as the answers, and how far they do."""
        extrapolated = self.served_days > self.horizon_days
        return {"extrapolated": extrapolated, "label_days": self.horizon_days}

    @property
    def extrapolation_notes(self) -> tuple[str, ...]:
        """For a reader of the evaluation; empty where nothing is extrapolated."""
        if self.served_days == self.horizon_days:
            return ()
        sentence = (
            f"Extrapolated: the history has labels of {self.horizon_days} days at most. Answers "
            f"for {self.served_days} days are stretched by BG/NBD and are not judged; the metrics "
            f"are those of {self.horizon_days} days."
        )
        return (sentence,)

    @property
    def churn_label(self) -> str:
        """What leaving means, in words."""
        return (
            f"{standing.wording(self.churn.label).label} in the {self.served_days} days "
            "after the moment of scoring"
        )

    @property
    def churn_population(self) -> str:
        """Of whom the churn head is asked, in words."""
        return standing.wording(self.churn.label).population.format(days=POPULATION_DAYS)

    def inactivity_days(self) -> Floats:
        """What the dumb churn rule ranks by: days since the last order, activity or term; (n,).

        A subscription without a stated term is taken to be safe.
        """
        return np.nan_to_num(standing.inactivity_days(self.churn.label, self.columns), nan=-1e6)

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
        whole = np.empty((len(self.cutoffs), len(features)))
        for part in self._slices():
            whole[part] = self._part(features, part)
        return whole

    def where(self, mask: Mask) -> "Dataset":
        """The rows of ``mask``."""
        if mask.all():
            return self
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
        found.update(self.cutoffs.tobytes())
        for part in self._slices():
            found.update(self._part(features, part).tobytes())
        for label in (self.churned, self.net_revenue):
            found.update(np.ascontiguousarray(label).tobytes())
        return found.hexdigest()

    def _slices(self) -> list[slice]:
        """All rows, some at a time: making a matrix takes three times its size."""
        return [slice(at, at + _AT_ONCE) for at in range(0, len(self.cutoffs), _AT_ONCE)]

    def _part(self, features: Sequence[ModelFeature], part: slice) -> Floats:
        columns = {feature.name: self.columns[feature.name][part] for feature in features}
        return to_matrix(columns, features)


class Populations(NamedTuple):
    """Who the heads are about: those who order, and those who can leave by the declared label."""

    buyers: Dataset
    leavers: Dataset


def build(
    source: FeatureSource,
    plan: Plan,
    as_of: datetime,
    horizon_days: int,
    seed: int,
    *,
    exclusion: Exclusion | None = None,
) -> Dataset:
    """The buyers of :func:`populations`, with everything else as it is by default."""
    return populations(source, plan, as_of, horizon_days, seed, exclusion=exclusion).buyers


def populations(
    source: FeatureSource,
    plan: Plan,
    as_of: datetime,
    horizon_days: int,
    seed: int,
    *,
    exclusion: Exclusion | None = None,
    churn: Churn = ORDERING,
    discount_rate_per_year: float = 0.0,
    most_rows: int = MOST_ROWS,
    progress: Progress | None = None,
) -> Populations:
    """Features and labels at every cutoff of ``plan``, without the excluded.

    The log is read once for the features of all cutoffs, and once for the labels. Then one
    cutoff at a time is taken into memory, of the customers who may belong to a population.

    Raises:
        NotEnoughData: there are no orders to learn from.
    """
    moments, orders = [*plan.every, as_of], source.orders()
    excluded = exclusion or Exclusion()
    by_term = churn.label == "subscription_not_renewed"
    subscriptions = source.subscriptions() if by_term else None
    candidates = population.candidates(moments, orders, subscriptions, churn.label)
    drawn, share = population.draw(candidates, most_rows)
    # campaigns are of anybody: who of their customers withdrew has to be known as well
    others = source.assignments().column("customer_id").cast(pa.string())
    wanted = [*drawn[:-1], pa.chunked_array([drawn[-1], *others.chunks]).unique()]
    source.prepare(moments)
    parts: list[People] = []
    for done, (at, ids) in enumerate(zip(moments, wanted, strict=True)):
        if progress:
            progress("training data", done, len(moments))
        table = excluded.kept(source.training_table([at], ids))
        # lists are heavy, and only the habits of the population of now are read from any
        lists = HABITS_READ if at == as_of else ()
        part = People.of(table, churn.label, churn.grace_days, lists)
        parts.append(part if at == as_of else part.where(part.buys | part.stays))
    now = parts.pop()
    # who withdrew by now is in no row, also of moments at which they had not
    withdrawn = frozenset(now.customers[~now.consents])
    now = now.where(now.buys & now.consents & now.among(frozenset(drawn[-1].to_pylist())))
    rows = People.together([part.where(~part.among(withdrawn)) for part in parts])
    if not rows.buys.any():
        raise NotEnoughData(
            f"nobody ordered in the {POPULATION_DAYS} days before any of "
            f"{plan.every[0]:%Y-%m-%d} to {plan.every[-1]:%Y-%m-%d}; value, next purchase and "
            "segments are told from orders",
            remedy="import orders; the payments of a subscription count where they are imported "
            "as order_completed as well",
        )
    keys = rows.keys()
    outcomes = labels.outcomes(keys, orders, horizon_days, discount_rate_per_year)
    churned = departures(source, keys, plan.every, horizon_days, churn)
    whole = Dataset(
        plan=plan,
        horizon_days=horizon_days,
        seed=seed,
        customers=rows.customers,
        cutoffs=rows.cutoffs,
        columns=rows.columns,
        churned=outcomes.column("churned").cast(pa.float64()).to_numpy()
        if churned is None
        else churned,
        days_to_order=outcomes.column("days_to_order").to_numpy(),
        net_revenue=outcomes.column("net_revenue").to_numpy(),
        current=now.columns,
        profile=rows.where(rows.buys).profile(),
        withdrawn=withdrawn,
        churn=churn,
        orders=int(pc.sum(orders.column("is_order")).as_py() or 0),
        history_days=(as_of - source.span()[0]) / timedelta(days=1),
        drawn=share,
        discount_rate_per_year=discount_rate_per_year,
        known=source.calendar,
        trade=Trade.of(excluded.kept(orders), as_of),
    )
    if progress:
        progress("training data", len(moments), len(moments))
    return Populations(whole.where(rows.buys), whole.where(rows.stays))
