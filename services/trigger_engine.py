"""The trigger engine: watches the log, decides what fired, and has it delivered."""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, Protocol

from retain.clock import Clock, to_micros
from retain.errors import RetainError
from retain.triggers.deliveries import Deliveries
from retain.triggers.settlement import Settlement, Unsettled, feedback_id
from retain.triggers.watch import Watch
from services.courier import Courier
from services.refresher import Turn
from services.trigger_decisions import Decider
from services.trigger_metrics import TriggerMetrics
from services.trigger_rounds import Rounder

IDLE_SECONDS = 0.1
SHORTEST_REST_SECONDS = 0.02
"""Between two looks: events that come one by one would otherwise cost a look each."""
TIDY_SECONDS = 1.0
PAUSE_AFTER_ERROR_SECONDS = 1.0
log = logging.getLogger("retain.service")


class Tells(Protocol):
    """Who is told what became of a decision."""

    def record(self, items: Sequence[dict[str, Any]]) -> Sequence[Any]:
        """As ``POST /feedback``; idempotent by feedback id."""


class TriggerEngine:
    """Does what there is to do, over and over, while its ``turn`` is held.

    Of several processes on one database one works. Every step can be repeated: what was done
    and not noted is done again, with the same result.
    """

    def __init__(
        self,
        *,
        watch: Watch,
        decider: Decider,
        courier: Courier,
        deliveries: Deliveries,
        settlement: Settlement,
        feedback: Tells,
        rounder: Rounder,
        turn: Turn,
        clock: Clock,
        metrics: TriggerMetrics,
    ) -> None:
        self._watch = watch
        self._decider = decider
        self._courier = courier
        courier.done = self.nudge
        self._deliveries = deliveries
        self._settlement = settlement
        self._feedback = feedback
        self._turn = turn
        self._clock = clock
        self._metrics = metrics
        self._begun = False
        self._tidying = _NowAndThen(self._tidy)
        self._going_round = _NowAndThen(rounder.go_on)
        self._wake = Event()
        self._stopping = Event()

    def nudge(self) -> None:
        """There are new events; do not wait for the next look."""
        self._wake.set()

    def stop(self) -> None:
        """End after the step at hand; what is pending stays in the database."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Work until :meth:`stop`."""
        while not self._stopping.is_set():
            if self._turn.holds():
                self._stopping.wait(self._worked())
            self._wake.wait(self._idle())
            self._wake.clear()
        self._courier.close()
        self._turn.release()

    def step(self) -> int:
        """Everything there is to do now; returns how much there was.

        Raises:
            StoreUnavailable: a store did not answer; what is left is done the next time.
        """
        if not self._begun:
            self._watch.begin()
            self._begun = True
        looked = self._watch.look()
        done = looked.fired + self._decider.decide() + self._courier.send()
        return done + self._tidying.turn() + self._going_round.turn() + (not looked.caught_up)

    def _worked(self) -> float:
        """Seconds to rest after a step."""
        try:
            # as long as there is something to do, new events are looked at in between
            while self.step() and not self._stopping.is_set() and self._turn.holds():
                self._stopping.wait(SHORTEST_REST_SECONDS)
        except RetainError as error:
            log.warning("triggers wait: %s", error)
            return PAUSE_AFTER_ERROR_SECONDS
        except Exception:
            log.exception("triggers wait")
            return PAUSE_AFTER_ERROR_SECONDS
        return SHORTEST_REST_SECONDS

    def _idle(self) -> float:
        """Seconds to wait for a nudge: no longer than the next timer takes."""
        if not self._begun:
            return IDLE_SECONDS
        try:
            due = self._watch.next_due()
        except RetainError:
            return IDLE_SECONDS
        if due is None:
            return IDLE_SECONDS
        return min(max((due - to_micros(self._clock())) / 1e6, 0.0), IDLE_SECONDS)

    def _tidy(self) -> tuple[int, float]:
        ended = self._deliveries.tidy()
        settled(self._settlement, self._feedback)
        self._metrics.waiting(self._settlement.waiting())
        return ended, TIDY_SECONDS


def settled(settlement: Settlement, feedback: Tells) -> None:
    """Give the contacts back of some deliveries that came to nothing."""
    if unsettled := settlement.unsettled():
        feedback.record([_not_sent(one) for one in unsettled])
        settlement.settle([one.delivery_id for one in unsettled])


class _NowAndThen:
    """Work that says how much it did, and how many seconds later it wants its next turn."""

    def __init__(self, work: Callable[[], tuple[int, float]]) -> None:
        self._work = work
        self._at = 0.0

    def turn(self) -> int:
        if time.monotonic() < self._at:
            return 0
        done, rest = self._work()
        self._at = time.monotonic() + rest
        return done


def _not_sent(one: Unsettled) -> dict[str, Any]:
    return {
        "feedback_id": feedback_id(one.delivery_id),
        "decision_id": one.decision_id,
        "action_id": one.action_id,
        "outcome": "not_sent",
    }
