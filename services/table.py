"""Scores as the table of ``scores.parquet``: the same numbers as ``/predict``, none withheld."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from retain.manifest import Head, Manifest
from retain.scoring import Scores
from services.answers import Json

_MOMENT = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("as_of", _MOMENT, nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("churn_probability", pa.float64()),
        pa.field("purchase_probability_7d", pa.float64()),
        pa.field("purchase_probability_30d", pa.float64()),
        pa.field("purchase_probability_90d", pa.float64()),
        pa.field("expected_next_order_at", _MOMENT),
        pa.field("expected_next_order_low_at", _MOMENT),
        pa.field("expected_next_order_high_at", _MOMENT),
        pa.field("ltv_value", pa.float64()),
        pa.field("ltv_low", pa.float64()),
        pa.field("ltv_high", pa.float64()),
        pa.field("ltv_horizon_days", pa.int64()),
        pa.field("currency", pa.string()),
        pa.field("segment", pa.string()),
        pa.field("stage", pa.string()),
        pa.field("next_action", pa.string()),
        pa.field("next_channel", pa.string()),
        pa.field("next_send_at", _MOMENT),
        pa.field("decision_id", pa.string()),
        pa.field("models", pa.string(), nullable=False),
    ]
)


def of_scores(
    scores: Scores, previews: Sequence[Json], manifests: Mapping[Head, Manifest]
) -> pa.Table:
    """One row of :data:`SCHEMA` per customer; ``previews`` are ``next_best_action`` objects."""
    rows = len(scores.customer_ids)
    models = {head: manifest.name for head, manifest in manifests.items()}
    send_at = pa.array([one["send_at"] for one in previews], pa.string())
    columns: list[Any] = [
        scores.customer_ids,
        _times(scores.as_of),
        scores.status,
        _numbers(scores.churn_probability),
        _numbers(scores.purchase_7d),
        _numbers(scores.purchase_30d),
        _numbers(scores.purchase_90d),
        _times(scores.expected_at),
        _times(scores.low_at),
        _times(scores.high_at),
        _numbers(scores.ltv_value),
        _numbers(scores.ltv_low),
        _numbers(scores.ltv_high),
        [manifests["ltv"].horizon_days if "ltv" in manifests else None] * rows,
        scores.currency,
        list(scores.segments.names),
        list(scores.segments.stages),
        [one["action_id"] for one in previews],
        [one["channel"] for one in previews],
        send_at.cast(_MOMENT),
        [one["decision_id"] for one in previews],
        [json.dumps(models, separators=(",", ":"))] * rows,
    ]
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _numbers(column: NDArray[Any]) -> pa.Array:
    return pa.array(column, pa.float64(), from_pandas=True)


def _times(column: NDArray[Any]) -> pa.Array:
    return pa.array(column.astype("M8[us]"), pa.timestamp("us")).cast(_MOMENT)
