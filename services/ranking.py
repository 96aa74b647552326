"""Deciding on request: durable, capped, found again by its id."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime

from feature_repo.recompute import Aside
from retain.clock import Clock
from retain.columns import Columns
from retain.decisions import strangers
from retain.decisions.columns import of_scores
from retain.decisions.ranking import Suggested
from retain.decisions.receipt import Decision, Evidence
from retain.decisions.store import Decisions
from retain.experiments.variants import Arms
from retain.features.reader import FeatureReader
from services.answers import Json
from services.metrics import Metrics
from services.metrics.stores import timed
from services.predictions import Scoring
from services.previews import arm_of, evidence
from services.schemas.ranking import RankRequest

Popular = Callable[[datetime], Suggested | None]
"""What to suggest at a moment to visitors of whom nothing is known."""

ROUTE = "/rank"
ANONYMOUS = "anonymous:"
"""Visitors are counted apart from customers: a cookie is never somebody's id."""

OF_EVERYBODY = ("next_items", "response")
"""Heads that are asked also where nothing is known: for popular items, for what actions add."""


class Ranking:
    """The use case behind ``POST /rank`` and ``GET /decisions/{decision_id}``.

    A decision waits for the disk; ``aside`` is what a thread does that in, so that others score.
    """

    def __init__(
        self,
        *,
        reader: FeatureReader,
        scorer: Scoring,
        arms: Arms,
        decisions: Decisions,
        popular: Popular,
        models: dict[str, str],
        clock: Clock,
        metrics: Metrics,
        aside: Aside = nullcontext,
    ) -> None:
        self._reader = reader
        self._scorer = scorer
        self._arms = arms
        self._reserve = timed(decisions.reserve, metrics, "decisions", "reserve")
        self._get = timed(decisions.get, metrics, "decisions", "read")
        self._earlier = timed(decisions.replay, metrics, "decisions", "read")
        self._popular = popular
        self._models = models
        self._clock = clock
        self._metrics = metrics
        self._aside = aside

    def rank(self, request: RankRequest, key: str | None) -> Json:
        """Decide and reserve; the same ``key`` with the same request answers the same.

        An unknown customer and an anonymous visitor get what the catalogue has for who is new; a
        visitor is on the web unless the context names a channel.

        Raises:
            Conflict: ``key`` was used for another request of this customer.
            InvalidInput: the context's local time is that of no place on Earth.
            StoreUnavailable: a store did not answer; nothing was reserved.
        """
        whom = request.customer_id or f"{ANONYMOUS}{request.anonymous_id}"
        asked = request.model_dump(mode="json", exclude={"receipt"})
        if (earlier := self._replayed(whom, key, asked)) is not None:
            return _public(earlier.answer(receipt=request.receipt))
        now = self._clock()
        columns, rests_on, survivor, suggestions = self._known_of(request.customer_id, now)
        # what was answered before the id was merged away is found above
        if survivor and (earlier := self._replayed(survivor, key, asked)) is not None:
            return _merged(earlier.answer(receipt=request.receipt), whom)
        ranker, assigned = self._arms.nobodys
        moment = request.context.moment()
        # a visitor's id is a device's, and no outcome is ever told of it
        if request.customer_id is not None:
            [(ranker, assigned)] = self._arms.of(columns, [survivor or whom], now)
            rests_on = replace(rests_on, experiments=tuple(one.as_json() for one in assigned))
        else:
            moment = moment.of_visitor()
        began = time.perf_counter()
        ranking = ranker.rank(
            columns,
            [survivor or whom],
            now=now,
            context=moment,
            suggestions=suggestions,
        )
        with self._aside():
            decision = self._reserve(
                ranking, request=asked, idempotency_key=key, limit=request.limit, evidence=rests_on
            )
        self._metrics.stages(ROUTE, None, None, None, time.perf_counter() - began, None)
        self._metrics.decision(decision.action_id, arm_of(assigned))
        self._metrics.receipt(decision.receipt)
        answer = _public(decision.answer(receipt=request.receipt))
        return answer if survivor is None else _merged(answer, whom)

    def replay(self, decision_id: str) -> Json:
        """The receipt of an earlier decision, as it was written.

        Raises:
            NotFound: there is none of this id.
        """
        return _public(self._get(decision_id))

    def _replayed(self, whom: str, key: str | None, asked: Json) -> Decision | None:
        return None if key is None else self._earlier(whom, key, asked)

    def _known_of(
        self, customer_id: str | None, now: datetime
    ) -> tuple[Columns, Evidence, str | None, Suggested | None]:
        """What is known and what that rests on, the survivor of a merged id, and suggestions."""
        if customer_id is None:
            return self._stranger(now, anonymous=True)
        began = time.perf_counter()
        features = self._reader.read([customer_id], now)
        read = time.perf_counter()
        if not features.features_as_of:
            return self._stranger(now, anonymous=False)
        scores = self._scorer.score(features.sheet, features.stale_views)
        self._metrics.stages(ROUTE, None, read - began, time.perf_counter() - read, None, None)
        rests_on = evidence(self._models, features, customer_id)
        survivor = features.merged_into.get(customer_id)
        return of_scores(scores), rests_on, survivor, scores.suggestions

    def _stranger(
        self, now: datetime, *, anonymous: bool
    ) -> tuple[Columns, Evidence, None, Suggested | None]:
        asked = {head: self._models[head] for head in OF_EVERYBODY if head in self._models}
        columns = strangers.columns(anonymous=anonymous)
        return columns, Evidence(models=asked), None, self._popular(now)


def _merged(answer: Json, asked: str) -> Json:
    """An answer about a surviving customer to who asked for an id of theirs."""
    return {**answer, "customer_id": asked, "merged_into": answer["customer_id"]}


def _public(answer: Json) -> Json:
    whom = answer["customer_id"]
    if not whom.startswith(ANONYMOUS):
        return answer
    return {**answer, "customer_id": None, "anonymous_id": whom.removeprefix(ANONYMOUS)}
