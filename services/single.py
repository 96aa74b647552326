"""``POST /predict`` of one customer, the common way: decoded, scored and encoded without a wait.

What is out of the ordinary - a moment of the past, reasons, a customer without a row that holds -
is answered by :class:`services.predictions.Predictions`, with the same fields and numbers.
"""

from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Annotated, Literal, Protocol

import msgspec

from feature_repo.online_one import Found, OneReader
from retain.clock import Clock, to_micros
from retain.errors import FingerprintMismatch, StoreUnavailable
from retain.items.suggestions import Suggested
from retain.moments import told
from retain.one.scoring import OneScorer, OneScores
from retain.reasons import Language
from retain.segments import Segmenter
from services.answers import Json
from services.languages import DEFAULT
from services.metrics import Metrics
from services.schemas.base import MAX_ID_LENGTH
from services.schemas.predictions import PARTS, Part
from services.single_objects import Objects, segment

ROUTE = "/predict"


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The bodies that are answered here; :class:`PredictRequest` describes all there are."""

    customer_id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]
    include: Annotated[list[Part], msgspec.Meta(max_length=len(PARTS))] | None = None
    explain: Literal[False] = False
    language: Language | None = None
    next_items: bool = True


Answered = tuple[bytes, Asked, str | None]
"""An answer, what was read in the body, and the id of the decision that is in it."""
_DECODE: Callable[[bytes], Asked] = msgspec.json.Decoder(Asked).decode
_ENCODE = msgspec.json.Encoder().encode


class Decides(Protocol):
    """What previews the next best action of one customer."""

    def of_one(
        self,
        customer_id: str,
        scores: OneScores,
        now: datetime,
        found: Found,
        suggestions: Suggested | None,
    ) -> Json:
        """The ``next_best_action`` object."""


class Suggests(Protocol):
    """What says which products and categories a customer may buy next."""

    def suggestions(self, scores: OneScores) -> Suggested | None:
        """Suggestions, computed when they are asked for."""


class Single:
    """Answers of one customer; None where it takes more than this."""

    def __init__(
        self,
        *,
        reader: OneReader,
        scorer: OneScorer,
        segmenter: Segmenter,
        objects: Objects,
        suggests: Suggests,
        previews: Decides,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._reader = reader
        self._scorer = scorer
        self._segmenter = segmenter
        self._objects = objects
        self._suggests = suggests
        self._previews = previews
        self._clock = clock
        self._metrics = metrics

    def answer(self, body: bytes, accepted: Language | None) -> Answered | None:
        """The answer to a body; None to what is answered elsewhere.

        ``accepted`` is the language its caller's header likes best.
        """
        begun = perf_counter()
        try:
            asked = _DECODE(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # whatever is wrong with it is told where everything can be said
            return None
        if "\x00" in asked.customer_id:
            return None
        decoded = perf_counter()
        now = self._clock()
        try:
            return self._answered(asked, accepted, now, begun, decoded)
        except (FingerprintMismatch, StoreUnavailable):
            # damaged, locked or gone: whoever may wait and compute answers
            return None

    def _answered(
        self,
        asked: Asked,
        accepted: Language | None,
        now: datetime,
        begun: float,
        decoded: float,
    ) -> Answered | None:
        moment = to_micros(now)
        include = PARTS if asked.include is None else asked.include
        decides = "next_best_action" in include
        found = self._reader.read(asked.customer_id, moment, with_contacts=decides)
        if found is None:
            return None
        read = perf_counter()
        scores = self._scorer.score(found.one, moment)
        scored = perf_counter()
        self._tell(scores)
        parts: Json = {}
        suggested = None
        if "churn" in include:
            language = asked.language or accepted or DEFAULT
            parts["churn"] = self._objects.churn(scores, now, language)
        if decides or (asked.next_items and "next_purchase" in include):
            suggested = self._suggests.suggestions(scores)
        if "next_purchase" in include:
            of_items = suggested if asked.next_items else None
            parts["next_purchase"] = self._objects.next_purchase(scores, of_items)
        if "ltv" in include:
            parts["ltv"] = self._objects.ltv(scores)
        if decides or "segment" in include:
            parts["segment"] = segment(self._segmenter.of_one(found.one))
        told_at = perf_counter()
        decided = decision_id = None
        if decides:
            best = self._previews.of_one(asked.customer_id, scores, now, found, suggested)
            parts["next_best_action"], decision_id = best, best["decision_id"]
            decided = perf_counter() - told_at
        answer = _ENCODE(
            {
                "customer_id": asked.customer_id,
                "merged_into": None,
                "status": scores.status,
                "as_of": told(moment),
                "features_as_of": told(found.features_as_of),
                "stale_views": [],
                **{name: parts[name] for name in PARTS if name in include},
                "reasons": [],
            }
        )
        ended = perf_counter()
        self._metrics.prediction(scores.status, (moment - found.features_as_of) / 1e6)
        self._metrics.store("online", "read", read - decoded, failed=False)
        self._metrics.stages(
            ROUTE,
            decoded - begun,
            read - decoded,
            scored - read,
            decided,
            ended - scored - (decided or 0.0),
        )
        return answer, asked, decision_id

    def _tell(self, scores: OneScores) -> None:
        """Count what was scored, as of many."""
        tell, near, ltv = self._metrics.score, scores.near, scores.ltv
        self._metrics.batch(ROUTE, 1)
        tell("churn", scores.churn_probability)
        tell("next_purchase", None if near is None else near[1])
        tell("ltv", None if ltv is None else ltv[0])
