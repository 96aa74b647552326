"""Scores as the JSON of ``/predict``: columns in, one object per customer out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain.clock import iso
from retain.manifest import Manifest
from retain.scoring import Scores

Json = dict[str, Any]
OK = "ok"


def plain(column: NDArray[Any] | Sequence[Any]) -> list[Any]:
    """A column as JSON values: NaN and NaT become None, times ISO 8601 in UTC."""
    if not isinstance(column, np.ndarray):
        return list(column)
    if column.dtype.kind == "M":
        times: list[datetime | None] = column.astype("M8[us]").astype(object).tolist()
        return [None if t is None else iso(t.replace(tzinfo=UTC)) for t in times]
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        for row in np.flatnonzero(~np.isfinite(column)):
            values[row] = None
    return values


def churn(scores: Scores, manifest: Manifest | None) -> list[Json]:
    """The ``churn`` object of every customer; without a ``manifest`` no model answers."""
    return _head(
        scores.churn_status,
        {"probability": plain(scores.churn_probability), "band": plain(scores.churn_band)},
        {"horizon_days": _horizon(manifest), "signals": [], "model": _name(manifest)},
    )


def next_purchase(scores: Scores, manifest: Manifest | None) -> list[Json]:
    """The ``next_purchase`` object of every customer; as :func:`churn` without a model."""
    return _head(
        scores.purchase_status,
        {
            "probability_7d": plain(scores.purchase_7d),
            "probability_30d": plain(scores.purchase_30d),
            "probability_90d": plain(scores.purchase_90d),
            "expected_at": plain(scores.expected_at),
            "low_at": plain(scores.low_at),
            "high_at": plain(scores.high_at),
        },
        {"next_categories": [], "model": _name(manifest)},
    )


def ltv(scores: Scores, manifest: Manifest | None) -> list[Json]:
    """The ``ltv`` object of every customer; the currency stays where the value is withheld."""
    objects = _head(
        scores.ltv_status,
        {
            "value": plain(scores.ltv_value),
            "low": plain(scores.ltv_low),
            "high": plain(scores.ltv_high),
            "tier": plain(scores.ltv_tier),
        },
        {"horizon_days": _horizon(manifest), "model": _name(manifest)},
    )
    for one, currency in zip(objects, plain(scores.currency), strict=True):
        one["currency"] = currency
    return objects


def segment(scores: Scores) -> list[Json]:
    """The ``segment`` object of every customer."""
    found = scores.segments
    return [
        {"name": name, "priority": priority, "stage": stage, "tags": list(tags)}
        for name, priority, stage, tags in zip(
            found.names, found.priorities, found.stages, found.tags, strict=True
        )
    ]


def _horizon(manifest: Manifest | None) -> int | None:
    return None if manifest is None else manifest.horizon_days


def _name(manifest: Manifest | None) -> str | None:
    return None if manifest is None else manifest.name


def _head(statuses: Iterable[str], values: Mapping[str, list[Any]], fixed: Json) -> list[Json]:
    return [
        {
            **(dict(zip(values, row, strict=True)) if status == OK else dict.fromkeys(values)),
            **fixed,
            "status": status,
        }
        for status, row in zip(statuses, _rows(values), strict=True)
    ]


def _rows(values: Mapping[str, list[Any]]) -> Iterator[tuple[Any, ...]]:
    return zip(*values.values(), strict=True)
