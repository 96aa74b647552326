"""Population: who is looked at at each cutoff.

Candidates come from the orders alone, before any feature is read; whoever is read is then asked
by the features themselves. Of more rows than fit, customers are drawn by their id, so that the
same ones are drawn at every cutoff and in every run.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retain import standing
from retain.columns import READ_TIME, Columns
from retain.decisions import channels, hours
from retain.features import consent
from retain.features.ageing import aged, objects
from retain.features.queries import FEATURE_SCHEMA
from retain.quality.features import snapshot_of_columns
from retain.quality.profile import Profile
from retain.standing import ChurnLabel

POPULATION_DAYS = 365
POPULATION = f"customers with an order in the {POPULATION_DAYS} days before the moment of scoring"

HABITS_READ = (hours.ACTIVE, hours.RESPONSIVE, channels.HISTORY)
"""Lists that are read of the population at the moment of training."""

Mask = NDArray[np.bool_]

_LISTS = tuple(name for name, kind in READ_TIME.items() if kind == "list")
_TEXTS = tuple(name for name, kind in READ_TIME.items() if kind == "text")
_PURPOSES = "withdrawn_purposes"
_TIME = pa.timestamp("us", "UTC")
_SCALE = float(2**32)


def candidates(
    moments: Sequence[datetime],
    orders: pa.Table,
    subscriptions: pa.Table | None,
    label: ChurnLabel,
) -> list[pa.Array]:
    """Customer ids at each moment, sorted: of orders in the 365 days before it.

    Of any order before it, or any word on a subscription, where ``label`` is about those.
    """
    bought = orders.filter(orders.column("is_order")).select(["customer_id", "ts"])
    found = []
    for moment in moments:
        since = None if label == "no_activity" else moment - timedelta(days=POPULATION_DAYS)
        ids = _ids(bought, since, moment)
        if subscriptions is not None:
            subscribed = _ids(subscriptions.select(["customer_id", "ts"]), None, moment)
            ids = pa.concat_arrays([ids, subscribed]).unique()
        found.append(ids.take(pc.sort_indices(ids)))
    return found


def draw(people: Sequence[pa.Array], rows: int) -> tuple[list[pa.Array], float]:
    """Those of ``people`` whose rows are about ``rows`` together, and the share they are."""
    total = sum(map(len, people))
    if total <= rows:
        return list(people), 1.0
    share = rows / total
    everyone = pa.chunked_array(people).unique()
    places = [blake2b(one.encode(), digest_size=4).digest() for one in everyone.to_pylist()]
    drawn = np.frombuffer(b"".join(places), dtype=">u4") < share * _SCALE
    kept = everyone.filter(pa.array(drawn))
    return [ids.filter(pc.is_in(ids, value_set=kept)) for ids in people], share


def _ids(rows: pa.Table, since: datetime | None, until: datetime) -> pa.Array:
    ts = rows.column("ts")
    inside = pc.less_equal(ts, pa.scalar(until, _TIME))
    if since is not None:
        inside = pc.and_(inside, pc.greater(ts, pa.scalar(since, _TIME)))
    ids = rows.column("customer_id").filter(inside).cast(pa.string())
    return ids.unique()


@dataclass(frozen=True, slots=True)
class People:
    """n customers at one moment.

    Attributes:
        columns: numbers and texts; a model reads no list.
        lengths: of each list the number of its elements, as what has that length: the profile
            of a population counts them, and ten product ids of everybody are gigabytes.
        buys: who has an order in the last 365 days.
        stays: who can still leave, by the declared label.
        consents: who may be profiled.
    """

    customers: NDArray[Any]
    cutoffs: NDArray[np.int64]
    columns: Columns
    lengths: Columns
    buys: Mask
    stays: Mask
    consents: Mask

    @classmethod
    def of(
        cls,
        table: pa.Table,
        label: ChurnLabel,
        grace_days: int,
        kept: Collection[str] = (),
    ) -> Self:
        """Of a feature table, without its lists but for those ``kept``."""
        shrunk = {name: _lengths(table.column(name)) for name in _LISTS}
        for name in set(_LISTS) - {_PURPOSES, *kept}:
            place, field = table.schema.get_field_index(name), FEATURE_SCHEMA.field(name)
            table = table.set_column(place, field, pa.nulls(table.num_rows, field.type))
        columns = dict(aged(table))
        purposes = columns[_PURPOSES]
        seen: dict[object, object] = {None: None}
        for name in _TEXTS:
            # one object per value, not one per row
            columns[name] = objects([seen.setdefault(value, value) for value in columns[name]])
        recency = standing.inactivity_days("no_order", columns)
        return cls(
            customers=objects(table.column("customer_id").to_pylist()),
            cutoffs=table.column("as_of").cast(pa.int64()).to_numpy(),
            columns={
                name: column
                for name, column in columns.items()
                if name not in _LISTS or name in kept
            },
            lengths=shrunk,
            buys=recency < POPULATION_DAYS,
            stays=_stays(label, columns, grace_days),
            consents=consent.given(purposes),
        )

    @classmethod
    def together(cls, parts: list[Self]) -> Self:
        """The rows of all ``parts``, which are let go of one column at a time."""
        columns = [dict(part.columns) for part in parts]
        lengths = [dict(part.lengths) for part in parts]
        customers, cutoffs, buys, stays, consents = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("customers", "cutoffs", "buys", "stays", "consents")
        )
        parts.clear()
        return cls(
            customers, cutoffs, _joined(columns), _joined(lengths), buys, stays, consents
        )  # fmt: skip

    def keys(self) -> pa.Table:
        """``customer_id`` and ``as_of`` of every row."""
        moments = pa.array(self.cutoffs, pa.int64()).cast(_TIME)
        return pa.table({"customer_id": pa.array(self.customers, pa.string()), "as_of": moments})

    def profile(self) -> Profile:
        """How the features are distributed, lists by their length."""
        columns = {**self.columns, **self.lengths}
        return snapshot_of_columns(
            columns, self.cutoffs, ordered_within_days=float(POPULATION_DAYS)
        )

    def where(self, mask: Mask) -> Self:
        """The rows of ``mask``."""
        return type(self)(
            self.customers[mask],
            self.cutoffs[mask],
            {name: column[mask] for name, column in self.columns.items()},
            {name: column[mask] for name, column in self.lengths.items()},
            self.buys[mask],
            self.stays[mask],
            self.consents[mask],
        )

    def among(self, customers: Collection[str]) -> Mask:
        """Who is one of ``customers``, (n,)."""
        return np.array([one in customers for one in self.customers], dtype=np.bool_)


def _stays(label: ChurnLabel, columns: Columns, grace_days: int) -> Mask:
    days = grace_days if label == "subscription_not_renewed" else POPULATION_DAYS
    return standing.is_known(label, columns) & ~standing.has_left(label, columns, days)


def _joined(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}


def _lengths(column: pa.ChunkedArray) -> NDArray[Any]:
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_pylist()
    of = {length: range(length) for length in set(lengths)}
    return objects([of[length] for length in lengths])
