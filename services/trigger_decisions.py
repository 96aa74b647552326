"""Deciding what fired: the same use case as ``/rank``, once per firing, kept for delivery."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Engine

from retain.clock import Clock, to_micros
from retain.columns import Columns
from retain.database import reading
from retain.decisions.columns import of_scores
from retain.errors import RetainError
from retain.features.reader import FeatureReader, Features
from retain.triggers.backoff import wait_before
from retain.triggers.declaration import Situation, Triggers
from retain.triggers.firings import Firing, Firings
from retain.triggers.happenings import Owners
from retain.triggers.holding import hold
from retain.triggers.rounds import is_near
from retain.triggers.tables import FAILED, LAPSED, WITHDRAWN
from retain.triggers.withdrawal import GOAL, ended_since
from services.answers import Json
from services.journal import described
from services.predictions import Scoring
from services.rank_body import Asked, of
from services.schemas.ranking import RankRequest
from services.trigger_metrics import TriggerMetrics

AT_ONCE = 50
BUDGET_SECONDS = 0.2
"""So long it decides in one go: what is decided is then sent, and what is new looked at."""
PATIENCE = timedelta(seconds=2)
"""How long a firing waits for the stored features to hold the event it rests on."""
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=1), timedelta(seconds=30)
log = logging.getLogger("retain.service")

Behind = Callable[[Sequence[str]], set[str]]


class Ranks(Protocol):
    """Who decides."""

    def rank(self, asked: Asked, key: str | None) -> Json:
        """A decision, durable; the same ``key`` answers the same one."""


class FreshReader:
    """Reads stored features, but of customers whose events are not in them computes them.

    A decision that does not know the event it answers would be a wrong one.
    """

    def __init__(self, stored: FeatureReader, computed: FeatureReader, behind: Behind) -> None:
        self._stored = stored
        self._computed = computed
        self._behind = behind

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """As the readers behind it."""
        reader = self._computed if self._behind(customer_ids) else self._stored
        return reader.read(customer_ids, as_of)


class Decider:
    """Has decisions made of firings, a few at a time."""

    def __init__(
        self,
        *,
        engine: Engine,
        triggers: Triggers,
        ranking: Ranks,
        reader: FeatureReader,
        scorer: Scoring,
        behind: Behind,
        clock: Clock,
        metrics: TriggerMetrics,
    ) -> None:
        self._engine = engine
        self._firings = Firings(engine)
        self._triggers = triggers
        self._ranking = ranking
        self._reader = reader
        self._scorer = scorer
        self._behind = behind
        self._clock = clock
        self._metrics = metrics

    def decide(self) -> int:
        """Decide some of what waits; returns how many firings have come to their end.

        Raises:
            StoreUnavailable: what is left still waits.
        """
        waiting = self._firings.waiting(self._clock(), AT_ONCE)
        if not waiting:
            return 0
        behind = self._behind([one.customer_id for one in waiting])
        patient = to_micros(self._clock() - PATIENCE)
        done, until = 0, time.monotonic() + BUDGET_SECONDS
        for one in waiting:
            if done and time.monotonic() > until:
                break
            if one.customer_id in behind and one.fired_at > patient:
                continue
            outcome = self._decided(one)
            if outcome is not None:
                self._metrics.firing(one.trigger_id, outcome)
                done += 1
        return done

    def _decided(self, firing: Firing) -> str | None:
        """What became of it, None where it is to be tried again."""
        try:
            return self._decide(firing)
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            if not isinstance(error, RetainError):
                log.exception("a decision for trigger %s failed", firing.trigger_id)
            at = self._clock() + wait_before(firing.attempts + 1, _FIRST_WAIT, _LONGEST_WAIT)
            if self._firings.again(firing, at, why):
                return None
            # what it says beyond its type is kept with the firing: it may quote a customer
            log.error("a firing of %s is given up: %s", firing.trigger_id, described(error))  # noqa: TRY400
            return FAILED

    def _decide(self, firing: Firing) -> str:
        situation = self._triggers.situations.get(firing.trigger_id)
        if situation is None:
            return self._end(firing, LAPSED, "the trigger is not enabled any more")
        with reading(self._engine) as connection:
            owners = Owners.among(connection, [firing.customer_id])
            reached = ended_since(connection, owners, situation.ends, firing.since)
        if reached:
            return self._end(firing, WITHDRAWN, GOAL)
        if not self._still_holds(situation, firing.customer_id):
            return self._end(firing, LAPSED, "what `when` asks for does not hold")
        request = of(RankRequest(customer_id=firing.customer_id, limit=1))
        answer = self._ranking.rank(request, firing.key)
        now = to_micros(self._clock())
        return "decided" if hold(self._engine, firing, answer, situation, now) else "nothing"

    def _still_holds(self, situation: Situation, customer_id: str) -> bool:
        if situation.when is None and situation.trigger.before is None:
            return True
        columns = self._columns(customer_id)
        if columns is None or not is_near(situation, columns):
            return False
        return situation.when is None or bool(situation.when.evaluate(columns, 1)[0])

    def _columns(self, customer_id: str) -> Columns | None:
        features = self._reader.read([customer_id], self._clock())
        if not features.features_as_of:
            return None
        scores = self._scorer.score(features.sheet, features.stale_views)
        columns: Mapping[str, Any] = of_scores(scores)
        return columns

    def _end(self, firing: Firing, state: str, why: str) -> str:
        self._firings.end(firing, state, self._clock(), why)
        return state
