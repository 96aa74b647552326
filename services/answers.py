"""Scores as the JSON of ``/predict``: columns in, one object per customer out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retain import moments
from retain.clock import iso
from retain.items.suggestions import Suggested
from retain.manifest import Manifest
from retain.reasons import Language, Reason
from retain.reasons.telling import of_signal
from retain.scoring import Scores
from retain.signals import Signal
from retain.statuses import NO_CONSENT, OK, STALE_FEATURES

Json = dict[str, Any]
SILENT = frozenset({NO_CONSENT, STALE_FEATURES})
"""Statuses of a customer, or of the head that signals stand with, that let none be told."""
_STATUS_OF = {
    "churn_probability": "churn_status",
    "purchase_probability_7d": "purchase_status",
    "purchase_probability_30d": "purchase_status",
    "purchase_probability_90d": "purchase_status",
    "ltv_value": "ltv_status",
}
"""Scores among the columns, and what says whether they are told."""
FURTHEST_DAYS = 90
"""How far ahead ``next_purchase`` tells a probability, whatever horizon it was trained for."""


def decision_of(prediction: Json) -> str | None:
    """The id of the decision in a prediction, None where there is none."""
    best: Json | None = prediction.get("next_best_action")
    return None if best is None else best["decision_id"]


def plain(column: NDArray[Any] | Sequence[Any]) -> list[Any]:
    """A column as JSON values: NaN and NaT become None, times ISO 8601 in UTC."""
    if not isinstance(column, np.ndarray):
        return list(column)
    if column.dtype.kind == "M":
        return _times(column.astype("M8[us]"))
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        for row in np.flatnonzero(~np.isfinite(column)):
            values[row] = None
    return values


def _times(column: NDArray[np.datetime64]) -> list[str | None]:
    """As :func:`retain.clock.iso` of each; None for NaT."""
    gone = np.isnat(column).tolist()
    micros = column.view(np.int64).tolist()
    return [None if no else moments.told(one) for no, one in zip(gone, micros, strict=True)]


def churn(
    scores: Scores,
    manifest: Manifest | None,
    warnings: Sequence[Sequence[Signal]],
    language: Language = "en",
) -> list[Json]:
    """The ``churn`` object of every customer; without a ``manifest`` no model answers.

    ``warnings`` are the signals of every customer, told in ``language``: they need no model, but
    consent and features that are not stale.
    """
    statuses = scores.churn_status
    told = _told(statuses, scores.churn_probability, scores.churn_band)
    days, model = reach(manifest), name(manifest)
    return [
        {
            "probability": probability,
            "band": band,
            **days,
            "model": model,
            "status": status,
            "signals": (
                [signal(each, language) for each in found]
                if found and SILENT.isdisjoint((status, whole))
                else []
            ),
        }
        for status, whole, probability, band, found in zip(
            statuses, scores.status, *told, warnings, strict=True
        )
    ]


def next_purchase(
    scores: Scores,
    manifest: Manifest | None,
    of_items: Manifest | None = None,
    suggested: Suggested | None = None,
) -> list[Json]:
    """The ``next_purchase`` object of every customer; as :func:`churn` without a model.

    ``of_items`` is the model of the next products and categories; without what is ``suggested``
    their lists are empty.
    """
    statuses = scores.purchase_status
    if suggested is not None:
        suggested.prepare([row for row, status in enumerate(statuses) if status == OK])
    told = _told(
        statuses,
        scores.purchase_7d,
        scores.purchase_30d,
        scores.purchase_90d,
        scores.expected_at,
        scores.low_at,
        scores.high_at,
    )
    curve, items_model = of_curve(manifest), name(of_items)
    return [
        {
            "probability_7d": p7,
            "probability_30d": p30,
            "probability_90d": p90,
            "expected_at": expected,
            "low_at": low,
            "high_at": high,
            **curve,
            "status": status,
            "next_categories": (
                [] if suggested is None or status != OK else categories(suggested, row)
            ),
            "next_products": [] if suggested is None or status != OK else products(suggested, row),
            "items_model": items_model,
        }
        for row, (status, p7, p30, p90, expected, low, high) in enumerate(
            zip(statuses, *told, strict=True)
        )
    ]


def categories(suggested: Suggested, row: int) -> list[Json]:
    """The likeliest categories of one customer's next order."""
    return [{"category": name, "score": score} for name, score in suggested.categories(row)]


def products(suggested: Suggested, row: int) -> list[Json]:
    """The likeliest products of one customer's next order."""
    return [
        {"product_id": product, "score": score, "relation": relation}
        for product, score, relation in suggested.products(row)
    ]


def ltv(scores: Scores, manifest: Manifest | None) -> list[Json]:
    """The ``ltv`` object of every customer; the currency stays where the value is withheld."""
    statuses = scores.ltv_status
    told = _told(statuses, scores.ltv_value, scores.ltv_low, scores.ltv_high, scores.ltv_tier)
    days, model = reach(manifest), name(manifest)
    return [
        {
            "value": value,
            "low": low,
            "high": high,
            "tier": tier,
            **days,
            "model": model,
            "status": status,
            "currency": currency,
        }
        for status, value, low, high, tier, currency in zip(
            statuses, *told, scores.currency, strict=True
        )
    ]


def reason(found: Reason) -> Json:
    """One of an answer's ``reasons``."""
    return {
        "head": found.head,
        "code": found.code,
        "group": found.group,
        "direction": found.direction,
        "text": found.text,
        "value": found.value,
        "usual": found.usual,
        "compared_with": found.compared_with,
        "share": found.share,
        "features": list(found.features),
    }


def features(scores: Scores) -> Json:
    """The columns as rules read them, but for scores that ``/predict`` withholds."""
    return {
        name: (
            _told(getattr(scores, _STATUS_OF[name]), column)[0]
            if name in _STATUS_OF
            else plain(column)
        )
        for name, column in scores.columns.items()
    }


def segment(scores: Scores) -> list[Json]:
    """The ``segment`` object of every customer."""
    found = scores.segments
    return [
        {"name": name, "priority": priority, "stage": stage, "tags": list(tags)}
        for name, priority, stage, tags in zip(
            found.names, found.priorities, found.stages, found.tags, strict=True
        )
    ]


def signal(found: Signal, language: Language) -> Json:
    """One of ``churn``'s ``signals``."""
    return {
        "code": found.code,
        "text": of_signal(found, language),
        "value": found.value,
        "usual": found.usual,
        "unit": found.unit,
        "since": iso(found.since),
    }


def reach(manifest: Manifest | None) -> Json:
    """How far ahead a model looks, and whether that is further than it was taught."""
    if manifest is None:
        return {"horizon_days": None, "extrapolated": False}
    extrapolated = bool(manifest.parameters.get("extrapolated", False))
    return {"horizon_days": manifest.horizon_days, "extrapolated": extrapolated}


def of_curve(manifest: Manifest | None) -> Json:
    """How far the curve was learned, and by which model; what is told beyond it is stretched."""
    if manifest is None:
        return {"label_days": None, "extrapolated": False, "model": None}
    days = int(manifest.parameters.get("label_days", manifest.horizon_days))
    return {"label_days": days, "extrapolated": days < FURTHEST_DAYS, "model": manifest.name}


def name(manifest: Manifest | None) -> str | None:
    """What answers name a model by."""
    return None if manifest is None else manifest.name


def _told(statuses: Sequence[str], *columns: NDArray[Any] | Sequence[Any]) -> list[list[Any]]:
    """Columns as JSON values, None of whom a head does not answer for."""
    withheld = [row for row, status in enumerate(statuses) if status != OK]
    told = [plain(column) for column in columns]
    for values in told:
        for row in withheld:
            values[row] = None
    return told
