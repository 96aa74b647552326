"""Assignments: customers of campaigns, as they were just before, and what came of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retain import labels
from retain.clock import MICROSECONDS_PER_DAY, to_micros
from retain.columns import Columns
from retain.errors import NotEnoughData
from retain.features import consent
from retain.features.ageing import aged
from retain.features.matrix import to_matrix
from retain.manifest import ModelFeature
from retain.predictors.trees import Floats
from training.dataset import FeatureSource
from training.exclusion import Exclusion
from training.policies.log import Codes, Mask
from training.policies.trial import Trial

FEWEST = 1_000
WINDOW_MICROS = labels.RESPONSE_WINDOW_DAYS * MICROSECONDS_PER_DAY
_LEAST_CHANCE = 0.01


@dataclass(frozen=True, slots=True)
class Assignments:
    """m assignments in time order.

    Attributes:
        moments: of each, in microseconds since the epoch.
        codes: place of each one's action in ``actions``.
        campaigns: a number for each one's campaign.
        revenue: net revenue of the window, whichever the currency.
    """

    customers: NDArray[Any]
    moments: NDArray[np.int64]
    actions: tuple[str, ...]
    codes: Codes
    campaigns: Codes
    treated: Floats
    responded: Floats
    revenue: Floats
    columns: Columns

    def __len__(self) -> int:
        return len(self.customers)

    def chance(self) -> Floats:
        """The share of each campaign's customers that was treated, (m,)."""
        treated = np.bincount(self.campaigns, self.treated)
        return np.asarray(treated / np.bincount(self.campaigns))[self.campaigns]

    def where(self, mask: Mask) -> "Assignments":
        """Some of them, with the actions that are left."""
        left = np.unique(self.codes[mask])
        return Assignments(
            self.customers[mask],
            self.moments[mask],
            tuple(self.actions[code] for code in left),
            np.searchsorted(left, self.codes[mask]),
            self.campaigns[mask],
            self.treated[mask],
            self.responded[mask],
            self.revenue[mask],
            {name: one[mask] for name, one in self.columns.items()},
        )

    def randomised(self) -> "Assignments":
        """Those of campaigns that held somebody out, and not everybody."""
        chance = self.chance()
        return self.where((chance >= _LEAST_CHANCE) & (chance <= 1.0 - _LEAST_CHANCE))

    def trial(self, features: tuple[ModelFeature, ...]) -> Trial:
        """As a trial of every campaign's action against nothing."""
        chance = np.zeros((len(self), len(self.actions) + 1))
        treated = self.chance()
        chance[:, 0] = 1.0 - treated
        chance[np.arange(len(self)), self.codes + 1] = treated
        return Trial(
            matrix=to_matrix(self.columns, features),
            features=features,
            actions=self.actions,
            arm=np.where(self.treated > 0, self.codes + 1, 0),
            outcome=self.responded,
            chance=chance,
            units=self.customers,
        )


def read(
    source: FeatureSource,
    as_of: datetime,
    exclusion: Exclusion | None = None,
    withdrawn: Collection[str] = (),
    *,
    after: datetime | None = None,
    fewest: int = FEWEST,
    decided: Collection[str] = (),
) -> Assignments:
    """Assignments whose 14 days were over at ``as_of``, without the excluded customers.

    ``withdrawn`` no longer consent to profiling: they are left out as well, and so is who had
    not consented when they were assigned. With ``after`` only those made later than that. What
    names one of the decisions ``decided`` is that decision told again.

    Raises:
        NotEnoughData: there are too few.
    """
    table = (exclusion or Exclusion()).kept(source.assignments())
    left_out = pa.array(sorted(withdrawn), pa.string())
    table = table.filter(pc.invert(pc.is_in(table.column("customer_id"), value_set=left_out)))
    if decided and "decision_id" in table.column_names:
        ours = pa.array(sorted(decided), pa.string())
        table = table.filter(pc.invert(pc.is_in(table.column("decision_id"), value_set=ours)))
    moments = table.column("as_of").cast(pa.int64())
    table = table.filter(pc.less_equal(moments, to_micros(as_of) - WINDOW_MICROS))
    if after is not None:
        table = table.filter(pc.greater(table.column("as_of").cast(pa.int64()), to_micros(after)))
    table = table.sort_by([("as_of", "ascending"), ("customer_id", "ascending")])
    if table.num_rows < fewest:
        later = "" if after is None else f" after {after:%Y-%m-%d}"
        raise NotEnoughData(
            f"response needs {fewest} assignments to campaigns with a hold-out{later}; "
            f"there are {table.num_rows}",
            remedy="record experiment_viewed for treated and held-out customers alike",
        )
    labelled = labels.responses(table, source.orders())
    moments = labelled.column("as_of").cast(pa.int64())
    # just before: the message itself goes out at the moment of assignment
    before = pc.subtract(moments, 1).cast(pa.timestamp("us", "UTC"))
    keys = pa.table({"customer_id": labelled.column("customer_id"), "as_of": before})
    columns: Columns = aged(source.features_at(keys))
    consenting = consent.given(columns["withdrawn_purposes"])
    found = _assignments(labelled, columns)
    return found if consenting.all() else found.where(consenting)


def joined(first: Assignments | None, second: Assignments | None) -> Assignments | None:
    """Those of both, in time order; a campaign of one is none of the other's."""
    if first is None or second is None:
        return second if first is None else first
    actions = tuple(sorted({*first.actions, *second.actions}))
    both = (first, second)
    moments = np.concatenate([one.moments for one in both])
    order = np.argsort(moments, kind="stable")
    places = [np.array([actions.index(name) for name in one.actions]) for one in both]
    beyond = int(first.campaigns.max(initial=-1)) + 1

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(one, name) for one in both])[order]

    return Assignments(
        column("customers"),
        moments[order],
        actions,
        np.concatenate([to[one.codes] for to, one in zip(places, both, strict=True)])[order],
        np.concatenate([first.campaigns, second.campaigns + beyond])[order],
        column("treated"),
        column("responded"),
        column("revenue"),
        {
            name: np.concatenate([one, second.columns[name]])[order]
            for name, one in first.columns.items()
        },
    )


def _assignments(labelled: pa.Table, columns: Columns) -> Assignments:
    actions, codes = _coded(labelled.column("action_id"))
    campaign = pc.coalesce(labelled.column("campaign_id"), labelled.column("action_id"))
    # an id that two actions share is two campaigns
    named = pc.binary_join_element_wise(campaign, labelled.column("action_id"), "\n")
    return Assignments(
        customers=np.array(labelled.column("customer_id").to_pylist(), dtype=object),
        moments=labelled.column("as_of").cast(pa.int64()).to_numpy(),
        actions=actions,
        codes=codes,
        campaigns=_coded(named)[1],
        treated=labelled.column("treated").cast(pa.float64()).to_numpy(),
        responded=labelled.column("responded").cast(pa.float64()).to_numpy(),
        revenue=labelled.column("net_revenue").cast(pa.float64()).to_numpy(),
        columns=columns,
    )


def _coded(names: pa.ChunkedArray) -> tuple[tuple[str, ...], Codes]:
    found, codes = np.unique(np.array(names.to_pylist(), dtype=object), return_inverse=True)
    return tuple(str(name) for name in found), np.asarray(codes, dtype=np.intp)
