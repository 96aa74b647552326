"""Deciding on request: durable, capped, found again by its id."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from feature_repo.recompute import Aside
from retain.clock import Clock
from retain.columns import Columns
from retain.decisions import strangers
from retain.decisions.columns import of_scores
from retain.decisions.context import Context
from retain.decisions.ranking import Ranker, Suggested
from retain.decisions.ranking import Ranking as Ranked
from retain.decisions.receipt import Decision, Evidence
from retain.decisions.store import Decisions
from retain.experiments.variants import Arms
from retain.features.reader import FeatureReader
from retain.one.columns import OneColumns
from retain.one.features import One
from services.answers import Json
from services.metrics import RESERVED, Metrics
from services.metrics.stores import timed
from services.predictions import Scoring
from services.previews import arm_of, evidence
from services.rank_body import Asked
from services.single_known import Known

Popular = Callable[[datetime], Suggested | None]
"""What to suggest at a moment to visitors of whom nothing is known."""
Knows = Callable[[str, datetime], Known | None]
"""What is known of a customer at a moment, None where that takes a wait."""

ROUTE = "/rank"
ANONYMOUS = "anonymous:"
"""Visitors are counted apart from customers: a cookie is never somebody's id."""

OF_EVERYBODY = ("next_items", "response")
"""Heads that are asked also where nothing is known: for popular items, for what actions add."""


class Ranking:
    """The use case behind ``POST /rank`` and ``GET /decisions/{decision_id}``.

    A decision waits for the disk; ``aside`` is what a thread does that in, so that others score.
    ``knows`` is asked for a customer first; what it leaves is read and scored as of many.
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
        knows: Knows | None = None,
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
        self._knows = knows

    def rank(self, asked: Asked, key: str | None) -> Json:
        """Decide and reserve; the same ``key`` with the same request answers the same.

        An unknown customer and an anonymous visitor get what the catalogue has for who is new; a
        visitor is on the web unless the context names a channel.

        Raises:
            Conflict: ``key`` was used for another request of this customer.
            InvalidInput: the context's local time is that of no place on Earth.
            StoreUnavailable: a store did not answer; nothing was reserved.
        """
        whom = asked.customer_id or f"{ANONYMOUS}{asked.anonymous_id}"
        if (earlier := self._replayed(whom, key, asked.told)) is not None:
            return _public(earlier.answer(receipt=asked.receipt))
        now = self._clock()
        met = self._met(asked.customer_id, now)
        survivor, rests_on, moment = met.survivor, met.rests_on, asked.moment
        # what was answered before the id was merged away is found above
        if survivor and (earlier := self._replayed(survivor, key, asked.told)) is not None:
            return _merged(earlier.answer(receipt=asked.receipt), whom)
        ranker, assigned = self._arms.nobodys
        # a visitor's id is a device's, and no outcome is ever told of it
        if asked.customer_id is not None:
            [(ranker, assigned)] = self._arms.of(met.columns, [survivor or whom], now)
            rests_on = replace(rests_on, experiments=tuple(one.as_json() for one in assigned))
        else:
            moment = moment.of_visitor()
        began = time.perf_counter()
        ranking = met.ranked(ranker, survivor or whom, now, moment)
        with self._aside():
            decision = self._reserve(
                ranking,
                request=asked.told,
                idempotency_key=key,
                limit=asked.limit,
                evidence=rests_on,
            )
        self._metrics.stages(ROUTE, None, None, None, time.perf_counter() - began, None)
        self._metrics.decision(RESERVED, decision.action_id, arm_of(assigned))
        self._metrics.receipt(decision.receipt)
        answer = _public(decision.answer(receipt=asked.receipt))
        return answer if survivor is None else _merged(answer, whom)

    def replay(self, decision_id: str) -> Json:
        """The receipt of an earlier decision, as it was written.

        Raises:
            NotFound: there is none of this id.
        """
        return _public(self._get(decision_id))

    def _replayed(self, whom: str, key: str | None, asked: Json) -> Decision | None:
        return None if key is None else self._earlier(whom, key, asked)

    def _met(self, customer_id: str | None, now: datetime) -> "_Met":
        if customer_id is None:
            return self._stranger(now, anonymous=True)
        if self._knows is not None and (known := self._knows(customer_id, now)) is not None:
            rests_on = Evidence(models=self._models, features_as_of=known.features_as_of)
            return _Met(OneColumns(known.one), rests_on, known.suggestions, one=known.one)
        began = time.perf_counter()
        features = self._reader.read([customer_id], now)
        read = time.perf_counter()
        if not features.features_as_of:
            self._metrics.stages(ROUTE, None, read - began, None, None, None)
            return self._stranger(now, anonymous=False)
        scores = self._scorer.score(features.sheet, features.stale_views)
        self._metrics.stages(ROUTE, None, read - began, time.perf_counter() - read, None, None)
        rests_on = evidence(self._models, features, customer_id)
        survivor = features.merged_into.get(customer_id)
        return _Met(of_scores(scores), rests_on, scores.suggestions, survivor=survivor)

    def _stranger(self, now: datetime, *, anonymous: bool) -> "_Met":
        asked = {head: self._models[head] for head in OF_EVERYBODY if head in self._models}
        columns = strangers.columns(anonymous=anonymous)
        return _Met(columns, Evidence(models=asked), self._popular(now))


@dataclass(frozen=True, slots=True)
class _Met:
    """Who is decided for.

    Attributes:
        columns: what is known of them, (1,) each.
        rests_on: what that rests on.
        survivor: the customer that theirs was merged into.
        one: what is in ``columns`` as plain values, where it is at hand.
    """

    columns: Columns
    rests_on: Evidence
    suggestions: Suggested | None
    survivor: str | None = None
    one: One | None = None

    def ranked(self, ranker: Ranker, whom: str, now: datetime, moment: Context) -> Ranked:
        """The actions of ``ranker`` for them."""
        told = self.suggestions
        if self.one is None:
            return ranker.rank(self.columns, [whom], now=now, context=moment, suggestions=told)
        return ranker.rank_one(
            self.one, self.columns, whom, now=now, context=moment, suggestions=told
        )


def _merged(answer: Json, asked: str) -> Json:
    """An answer about a surviving customer to who asked for an id of theirs."""
    return {**answer, "customer_id": asked, "merged_into": answer["customer_id"]}


def _public(answer: Json) -> Json:
    whom = answer["customer_id"]
    if not whom.startswith(ANONYMOUS):
        return answer
    return {**answer, "customer_id": None, "anonymous_id": whom.removeprefix(ANONYMOUS)}
