"""Scoring customers on request: features, scores, preview decisions, answers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from retain.clock import Clock, iso
from retain.errors import InvalidInput, StoreUnavailable, UnknownCustomer
from retain.features.reader import Features, PartsReader
from retain.features.sheet import Sheet
from retain.manifest import Manifest
from retain.reasons import Language, Reason
from retain.scoring import Scores
from retain.signals import Signals
from retain.statuses import OK
from services import answers
from services.answers import Json
from services.degraded import Degraded, never
from services.languages import DEFAULT
from services.metrics import Metrics
from services.schemas.predictions import PARTS, PredictRequest
from services.schemas.statuses import MISSING, Missing

UNKNOWN = "unknown_customer"
DEGRADED = "degraded"
UNAVAILABLE = "unavailable"
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
        degraded: Degraded | None = None,
    ) -> None:
        self._reader = reader
        self._scorer = scorer
        self._signals = signals
        self._explainer = explainer
        self._previews = previews
        self._manifests = manifests
        self._clock = clock
        self._metrics = metrics
        self._degraded = degraded or never(metrics)

    def predict(self, request: PredictRequest) -> Json:
        """The answer: one prediction, or ``predictions`` in the order asked.

        Raises:
            InvalidInput: ``as_of`` is in the future, or the request contradicts itself.
            UnknownCustomer: the one customer asked for is not known at ``as_of``.
            StoreUnavailable: a store did not answer, and without it there is nothing to say.
        """
        ids = request.ids()
        route = request.counted_as
        self._metrics.batch(route, len(ids))
        as_of = at_or_before(self._clock(), request.as_of)
        began = time.perf_counter()
        known: dict[str, Json] = {}
        parts, checked = self._features(
            list(dict.fromkeys(ids)), as_of, is_now=request.as_of is None
        )
        self._metrics.stages(route, None, time.perf_counter() - began, None, None, None)
        for features in parts:
            known |= self._predict(features, as_of, request, checked=checked)
        if not checked and not known:
            raise nothing_stored()
        if request.customer_id is not None:
            if request.customer_id not in known:
                # answered otherwise than in a list, and counted alike
                self._metrics.prediction(UNKNOWN, None)
                raise unknown(request.customer_id, field="customer_id")
            return known[request.customer_id]
        absent = self._unknown if checked else self._unavailable
        return {"predictions": [known.get(i) or absent(i) for i in ids]}

    def _features(
        self, ids: list[str], as_of: datetime, *, is_now: bool
    ) -> tuple[Sequence[Features], bool]:
        """Features in parts, and whether the log was there to say that nothing came since."""
        if not (is_now and self._degraded.is_away()):
            try:
                parts = self._reader.parts(ids, as_of)
            except StoreUnavailable:
                if not (is_now and self._degraded.is_allowed()):
                    raise
            else:
                self._degraded.told("freshness", "features")
                return parts, True
        return [self._reader.last_known(ids, as_of)], False

    def _predict(
        self, features: Features, as_of: datetime, request: PredictRequest, *, checked: bool
    ) -> dict[str, Json]:
        if not features.features_as_of:
            return {}
        began = time.perf_counter()
        include = PARTS if request.include is None else request.include
        scores = self._scorer.score(
            features.sheet, features.stale_views, segments=not _BY_SEGMENT.isdisjoint(include)
        )
        language = request.language or DEFAULT
        why = self._explainer.explain(scores, include, language) if request.explain else None
        took = time.perf_counter() - began
        self._metrics.stages(request.counted_as, None, None, took, None, None)
        self._metrics.scores("churn", scores.churn_probability)
        self._metrics.scores("next_purchase", scores.purchase_30d)
        self._metrics.scores("ltv", scores.ltv_value)
        parts, missing = self._parts(scores, features, request, language, checked=checked)
        told_missing = {"degraded": missing} if missing else {}
        known: dict[str, Json] = {}
        told_as_of = iso(as_of)
        objects = tuple(parts.items())
        merged_into, stale_views = features.merged_into, features.stale_views
        for row, customer_id in enumerate(scores.customer_ids):
            status = scores.status[row]
            if missing and status == OK:
                status = DEGRADED
            fresh = features.features_as_of.get(customer_id)
            told = told_as_of if fresh == as_of else None if fresh is None else iso(fresh)
            answer = known[customer_id] = {
                "customer_id": customer_id,
                "merged_into": merged_into.get(customer_id),
                "status": status,
                **told_missing,
                "as_of": told_as_of,
                "features_as_of": told,
                "stale_views": stale_views.get(customer_id, []),
            }
            for name, of_everybody in objects:
                answer[name] = of_everybody[row]
            answer["reasons"] = [] if why is None else [answers.reason(each) for each in why[row]]
            # of a row that nobody compared with the log nobody knows how old it is
            age = None if fresh is None or not checked else (as_of - fresh).total_seconds()
            self._metrics.prediction(status, age)
        for one in missing:
            self._degraded.missed(one, len(known))
        return known

    def _parts(
        self,
        scores: Scores,
        features: Features,
        request: PredictRequest,
        language: Language,
        *,
        checked: bool,
    ) -> tuple[dict[str, Sequence[Json | None]], list[Missing]]:
        """The parts asked for, and what they lack because a store is away."""
        include = PARTS if request.include is None else request.include
        missing: set[Missing] = set() if checked else {"freshness"}
        parts: dict[str, Sequence[Json | None]] = {}
        if "churn" in include:
            warnings = self._signals.find(
                scores.columns, scores.as_of, scores.customer_ids, features.stale_views
            )
            manifest = self._manifests.get("churn")
            parts["churn"] = answers.churn(scores, manifest, warnings, language)
        if "next_purchase" in include:
            manifest = self._manifests.get("next_purchase")
            of_items = self._manifests.get("next_items")
            suggested = scores.suggestions if request.next_items else None
            try:
                told = answers.next_purchase(scores, manifest, of_items, suggested)
                if suggested is not None:
                    self._degraded.told("next_items")
            except StoreUnavailable:
                # nobody knows what is sold out
                told = answers.next_purchase(scores, manifest, of_items)
                missing.add("next_items")
            parts["next_purchase"] = told
        if "ltv" in include:
            parts["ltv"] = answers.ltv(scores, self._manifests.get("ltv"))
        if "segment" in include:
            parts["segment"] = answers.segment(scores)
        if "next_best_action" in include:
            decided = self._decided(scores, features, request.counted_as) if checked else None
            if decided is None:
                missing.add("next_best_action")
                decided = [None] * len(scores.customer_ids)
            parts["next_best_action"] = decided
        if "next_best_action" in missing and len(set(include)) == 1:
            raise undecided()
        return parts, [one for one in MISSING if one in missing]

    def _decided(
        self, scores: Scores, features: Features, route: str
    ) -> Sequence[Json | None] | None:
        """The ``next_best_action`` objects; None where limits and consent cannot be checked."""
        began = time.perf_counter()
        try:
            made = self._previews.preview(of_survivors(scores, features), features)
        except StoreUnavailable:
            return None
        self._metrics.stages(route, None, None, None, time.perf_counter() - began, None)
        self._degraded.told("next_best_action")
        return made

    def _unavailable(self, customer_id: str) -> Json:
        self._metrics.prediction(UNAVAILABLE, None)
        self._degraded.missed("features", 1)
        return {"customer_id": customer_id, "status": UNAVAILABLE, "degraded": ["features"]}

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


def nothing_stored() -> StoreUnavailable:
    """The error where the log is away and nothing is stored of those asked for."""
    return StoreUnavailable(
        "the event log does not answer, and no features are stored of those asked for",
        remedy="send the same request again later",
    )


def undecided() -> StoreUnavailable:
    """The error where only a decision was asked for, and none can be made."""
    return StoreUnavailable(
        "what limits decisions could not be read", remedy="send the same request again later"
    )


def unknown(customer_id: str, *, field: str) -> UnknownCustomer:
    """The error for a customer without any event."""
    return UnknownCustomer(
        f"no event of customer {customer_id!r} is known",
        remedy="check the id, or send the customer's events to /events first",
        field=field,
    )
