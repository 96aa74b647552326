"""Scoring customers on request: features, scores, preview decisions, answers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from retain.clock import Clock, iso
from retain.errors import InvalidInput, UnknownCustomer
from retain.features.reader import Features, PartsReader
from retain.features.sheet import Sheet
from retain.manifest import Manifest
from retain.reasons import Language, Reason
from retain.scoring import Scores
from retain.signals import Signals
from services import answers
from services.answers import Json
from services.languages import DEFAULT
from services.metrics import Metrics
from services.schemas.predictions import PARTS, PredictRequest

ROUTE = "/predict"
UNKNOWN = "unknown_customer"
_BY_SEGMENT = frozenset({"segment", "next_best_action"})


class Scoring(Protocol):
    """What turns a feature table into scores."""

    def score(
        self, sheet: Sheet, stale_views: Mapping[str, Sequence[str]], *, segments: bool = True
    ) -> Scores:
        """Scores of every customer of a sheet of features, of whom these views are stale.

        Without ``segments`` nobody is told where they belong.
        """


class Explaining(Protocol):
    """What gives the reasons behind scores."""

    def explain(
        self, scores: Scores, heads: Sequence[str], language: Language
    ) -> Sequence[Sequence[Reason]]:
        """The reasons of every row of ``scores`` for these heads."""


class Previews(Protocol):
    """What previews the next best action of scored customers, without reserving it."""

    def preview(self, scores: Scores, features: Features) -> Sequence[Json | None]:
        """One ``next_best_action`` object per row of ``scores``."""


class Predictions:
    """The use case behind ``POST /predict``."""

    def __init__(
        self,
        *,
        reader: PartsReader,
        scorer: Scoring,
        signals: Signals,
        explainer: Explaining,
        previews: Previews,
        manifests: Mapping[str, Manifest],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._reader = reader
        self._scorer = scorer
        self._signals = signals
        self._explainer = explainer
        self._previews = previews
        self._manifests = manifests
        self._clock = clock
        self._metrics = metrics

    def predict(self, request: PredictRequest) -> Json:
        """The answer: one prediction, or ``predictions`` in the order asked.

        Raises:
            InvalidInput: ``as_of`` is in the future, or the request contradicts itself.
            UnknownCustomer: the one customer asked for is not known at ``as_of``.
            StoreUnavailable: a store did not answer.
        """
        ids = request.ids()
        self._metrics.batch(ROUTE, len(ids))
        as_of = at_or_before(self._clock(), request.as_of)
        began = time.perf_counter()
        known: dict[str, Json] = {}
        parts = self._reader.parts(list(dict.fromkeys(ids)), as_of)
        self._metrics.stages(ROUTE, None, time.perf_counter() - began, None, None, None)
        for features in parts:
            known |= self._predict(features, as_of, request)
        if request.customer_id is not None:
            if request.customer_id not in known:
                raise unknown(request.customer_id, field="customer_id")
            return known[request.customer_id]
        return {"predictions": [known.get(i) or self._unknown(i) for i in ids]}

    def _predict(
        self, features: Features, as_of: datetime, request: PredictRequest
    ) -> dict[str, Json]:
        if not features.features_as_of:
            return {}
        began = time.perf_counter()
        include = PARTS if request.include is None else request.include
        scores = self._scorer.score(
            features.sheet, features.stale_views, segments=not _BY_SEGMENT.isdisjoint(include)
        )
        self._metrics.stages(ROUTE, None, None, time.perf_counter() - began, None, None)
        self._metrics.scores("churn", scores.churn_probability)
        self._metrics.scores("next_purchase", scores.purchase_30d)
        self._metrics.scores("ltv", scores.ltv_value)
        language = request.language or DEFAULT
        parts = self._parts(scores, features, request, language)
        why = self._explainer.explain(scores, include, language) if request.explain else None
        known: dict[str, Json] = {}
        told_as_of = iso(as_of)
        for row, customer_id in enumerate(scores.customer_ids):
            fresh = features.features_as_of.get(customer_id)
            told = told_as_of if fresh == as_of else None if fresh is None else iso(fresh)
            known[customer_id] = {
                "customer_id": customer_id,
                "merged_into": features.merged_into.get(customer_id),
                "status": scores.status[row],
                "as_of": told_as_of,
                "features_as_of": told,
                "stale_views": features.stale_views.get(customer_id, []),
                **{name: objects[row] for name, objects in parts.items()},
                "reasons": [] if why is None else [answers.reason(one) for one in why[row]],
            }
            age = None if fresh is None else (as_of - fresh).total_seconds()
            self._metrics.prediction(scores.status[row], age)
        return known

    def _parts(
        self, scores: Scores, features: Features, request: PredictRequest, language: Language
    ) -> dict[str, Sequence[Json | None]]:
        include = PARTS if request.include is None else request.include
        parts: dict[str, Sequence[Json | None]] = {}
        if "churn" in include:
            warnings = self._signals.find(scores.columns, scores.as_of)
            manifest = self._manifests.get("churn")
            parts["churn"] = answers.churn(scores, manifest, warnings, language)
        if "next_purchase" in include:
            manifest = self._manifests.get("next_purchase")
            of_items = self._manifests.get("next_items")
            suggested = scores.suggestions if request.next_items else None
            parts["next_purchase"] = answers.next_purchase(scores, manifest, of_items, suggested)
        if "ltv" in include:
            parts["ltv"] = answers.ltv(scores, self._manifests.get("ltv"))
        if "segment" in include:
            parts["segment"] = answers.segment(scores)
        if "next_best_action" in include:
            began = time.perf_counter()
            parts["next_best_action"] = self._previews.preview(
                of_survivors(scores, features), features
            )
            took = time.perf_counter() - began
            self._metrics.stages(ROUTE, None, None, None, took, None)
        return parts

    def _unknown(self, customer_id: str) -> Json:
        self._metrics.prediction(UNKNOWN, None)
        return {"customer_id": customer_id, "status": UNKNOWN}


def of_survivors(scores: Scores, features: Features) -> Scores:
    """``scores`` under the ids that decisions are made and contacts are counted for."""
    merged = features.merged_into
    if not merged:
        return scores
    return replace(scores, customer_ids=[merged.get(one, one) for one in scores.customer_ids])


def at_or_before(now: datetime, asked: datetime | None) -> datetime:
    """The moment asked for, or now.

    Raises:
        InvalidInput: it is in the future.
    """
    if asked is None:
        return now
    if asked > now:
        raise InvalidInput(
            f"{iso(asked)} is after the service's clock ({iso(now)})",
            remedy="leave as_of out, or give a time that has passed",
            field="as_of",
        )
    return asked


def unknown(customer_id: str, *, field: str) -> UnknownCustomer:
    """The error for a customer without any event."""
    return UnknownCustomer(
        f"no event of customer {customer_id!r} is known",
        remedy="check the id, or send the customer's events to /events first",
        field=field,
    )
