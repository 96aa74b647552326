"""What the features of a population look like: kept beside a model, compared later.

A profile holds counts and quantiles, no customer. One made with ``like`` counts in the bins
of that other profile, so that the two compare exactly (:mod:`retain.quality.drift`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retain.columns import READ_TIME
from retain.errors import CorruptModel
from retain.features.ageing import aged

FILE_NAME = "profile.json"
CATEGORIES = 100
_DECILES = np.linspace(0.0, 1.0, 11)

Floats = NDArray[np.float64]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NumberProfile(_Part):
    """A numeric feature; of a list feature, the number of its elements.

    Attributes:
        deciles: minimum, the nine deciles, maximum; empty where every value is missing.
        edges: the k edges of the bins: the distinct deciles, or those of the profile this
            one was made like. A first edge that stands twice is a value of its own.
        counts: rows in the k + 1 bins: below the first edge, up to and including the second,
            … , above the last.
    """

    rows: int
    missing: int
    mean: float | None = None
    deciles: tuple[float, ...] = ()
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


class TextProfile(_Part):
    """A text feature: rows of each frequent category, and of all ``others`` together."""

    rows: int
    missing: int
    categories: dict[str, int]
    others: int


class Profile(_Part):
    """Every feature of one population.

    Attributes:
        ordered_within_days: who it is of: customers with an order in so many days; None: all.
        usual_psi: in a training snapshot, how far features moved between the training cutoffs.
        usual_null_rates: in a training snapshot, the highest null rate at any of them.
    """

    rows: int
    numbers: dict[str, NumberProfile]
    texts: dict[str, TextProfile]
    ordered_within_days: float | None = None
    usual_psi: dict[str, float] = Field(default_factory=dict)
    usual_null_rates: dict[str, float] = Field(default_factory=dict)

    def __contains__(self, feature: str) -> bool:
        """Whether ``feature`` is profiled."""
        return feature in self.numbers or feature in self.texts

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The profile that lies in the folder of a model.

        Raises:
            CorruptModel: it cannot be read.
        """
        try:
            return cls.model_validate_json((folder / FILE_NAME).read_bytes())
        except (OSError, ValidationError) as error:
            raise CorruptModel(
                f"{folder} has no readable profile: {error}", remedy="train again"
            ) from error

    def write(self, folder: Path) -> None:
        """Put the profile beside a model, before the model is sealed."""
        (folder / FILE_NAME).write_text(self.model_dump_json() + "\n", "utf-8")

    def null_rate(self, feature: str) -> float:
        """Share of rows in which ``feature`` is missing."""
        part = self.numbers.get(feature) or self.texts[feature]
        return part.missing / part.rows if part.rows else 0.0


def profile_of(
    table: pa.Table, like: Profile | None = None, *, ordered_within_days: float | None = None
) -> Profile:
    """The profile of a feature table, aged to each row's ``as_of``.

    Of the customers with an order in the last ``ordered_within_days``, or of everybody; with
    ``like``, of the same population and in the same bins as that profile.
    """
    within = like.ordered_within_days if like else ordered_within_days
    columns = aged(table)
    if within is not None:
        population = columns["order_recency_days"].astype(np.float64) < within
        columns = {name: column[population] for name, column in columns.items()}
    profile = profile_of_columns(columns, like)
    return profile.model_copy(update={"ordered_within_days": within})


def number_profile_of(values: Floats, like: NumberProfile | None = None) -> NumberProfile:
    """The profile of n numbers, NaN where missing."""
    return _number_profile(np.sort(values), like)


def profile_of_columns(columns: Mapping[str, NDArray[Any]], like: Profile | None = None) -> Profile:
    """The profile of read-time columns of n rows; names that are no features are left out."""
    known = {name: READ_TIME[name] for name in columns if name in READ_TIME}
    numbers = {
        name: _numbers(columns[name], kind) for name, kind in known.items() if kind != "text"
    }
    names = list(numbers)
    rows = len(next(iter(columns.values()))) if columns else 0
    matrix = np.column_stack(list(numbers.values())) if numbers else np.empty((rows, 0))
    matrix = np.sort(matrix, axis=0)  # missing values come last
    return Profile(
        rows=rows,
        numbers={
            name: _number_profile(matrix[:, i], like.numbers.get(name) if like else None)
            for i, name in enumerate(names)
        },
        texts={
            name: _text_profile(columns[name], like.texts.get(name) if like else None)
            for name, kind in known.items()
            if kind == "text"
        },
    )


def _numbers(column: NDArray[Any], kind: str) -> Floats:
    if kind == "list":
        return np.fromiter(map(len, column), dtype=np.float64, count=len(column))
    values = column.astype(np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _number_profile(in_order: Floats, like: NumberProfile | None) -> NumberProfile:
    rows = len(in_order)
    values = in_order[: rows - int(np.isnan(in_order).sum())]
    deciles = np.quantile(values, _DECILES) if len(values) else np.empty(0)
    edges = np.array(like.edges) if like else _edges(deciles)
    return NumberProfile(
        rows=rows,
        missing=rows - len(values),
        mean=float(values.mean()) if len(values) else None,
        deciles=tuple(deciles.tolist()),
        edges=tuple(edges.tolist()),
        counts=tuple(_counts(values, edges).tolist()),
    )


def _edges(deciles: Floats) -> Floats:
    distinct = np.unique(deciles)
    # many features are zero for most: a value that fills a decile is a bin of its own
    alone = len(distinct) and deciles[0] == deciles[1]
    return np.concatenate([distinct[:1], distinct]) if alone else distinct


def _counts(in_order: Floats, edges: Floats) -> NDArray[np.int64]:
    if not len(edges):
        return np.array([len(in_order)], dtype=np.int64)
    up_to = np.searchsorted(in_order, edges, side="right")
    up_to[0] = np.searchsorted(in_order, edges[0], side="left")
    return np.diff(up_to, prepend=0, append=len(in_order)).astype(np.int64)


def _text_profile(column: NDArray[Any], like: TextProfile | None) -> TextProfile:
    values = pa.array(column, pa.string())
    counted = sorted(
        (
            (entry["values"], entry["counts"])
            for entry in values.drop_null().value_counts().to_pylist()
        ),
        key=lambda pair: (-pair[1], pair[0]),
    )
    found = dict(counted)
    if like is not None:
        categories = {category: found.get(category, 0) for category in like.categories}
    else:
        categories = dict(counted[:CATEGORIES])
    present = len(values) - values.null_count
    return TextProfile(
        rows=len(values),
        missing=values.null_count,
        categories=categories,
        others=present - sum(categories.values()),
    )
