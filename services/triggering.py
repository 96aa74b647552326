"""The trigger engine's process: settings come as one line of JSON on stdin, then nudges.

A process of its own, as the refresher's is, and of several on one home one works; the others
load no models until it is their turn.
"""

import logging
import os
import sys
import time
from itertools import product
from threading import Event, Thread

from retain.clock import Clock, now
from retain.database import connect
from retain.errors import RetainError
from retain.exclusive import Exclusive
from retain.settings import Settings, from_json, telemetry
from retain.triggers import declaration
from retain.triggers.tables import DEAD, PENDING
from services import journal
from services.metrics import Metrics
from services.signatures import keys_of_endpoints
from services.trigger_engine import TriggerEngine

MODULE = "services.triggering"
TURN = "triggers"
_LOOK_AGAIN_SECONDS = 1.0
log = logging.getLogger("retain.service")


def main() -> None:
    """Work until stdin ends."""
    journal.begin(telemetry(), "triggers")
    stdin = _Stdin()
    try:
        settings = from_json(sys.stdin.buffer.readline())
        Thread(target=stdin.listen, daemon=True).start()
        turn = Exclusive(connect(settings.database_url), TURN, settings.home)
        while not turn.holds():
            if stdin.ended.wait(_LOOK_AGAIN_SECONDS):
                return
        metrics = Metrics("triggers")
        engine = composed(settings, metrics, turn, now)
        metrics.start()
        stdin.attend(engine)
        metrics.close()
    except RetainError as error:
        time.sleep(_LOOK_AGAIN_SECONDS)
        sys.exit(f"{error.message}; {error.remedy}")


def composed(settings: Settings, metrics: Metrics, turn: Exclusive, clock: Clock) -> TriggerEngine:
    """The engine of the home that ``settings`` names.

    Raises:
        RetainError: something it needs is missing or broken; the message says what.
    """
    # a process whose turn it is not is spared them: they take seconds, and memory
    from feature_repo.online import OnlineReader  # noqa: PLC0415
    from retain.decisions.feedback import Feedback  # noqa: PLC0415
    from retain.eventlog import EventLog  # noqa: PLC0415
    from retain.features.reader import LogReader  # noqa: PLC0415
    from retain.triggers.circuits import Circuits  # noqa: PLC0415
    from retain.triggers.deliveries import Deliveries  # noqa: PLC0415
    from retain.triggers.rounds import Rounds  # noqa: PLC0415
    from retain.triggers.settlement import Settlement  # noqa: PLC0415
    from retain.triggers.watch import Watch  # noqa: PLC0415
    from services.courier import Courier  # noqa: PLC0415
    from services.deciding import deciding  # noqa: PLC0415
    from services.trigger_decisions import Decider, FreshReader  # noqa: PLC0415
    from services.trigger_metrics import TriggerMetrics  # noqa: PLC0415
    from services.trigger_rounds import Rounder  # noqa: PLC0415
    from services.webhooks import call  # noqa: PLC0415

    engine = connect(settings.database_url)
    triggers = declaration.load(settings.config)
    made = deciding(settings, engine, metrics)
    log = EventLog(engine)
    stored = OnlineReader(settings, log)
    reader = FreshReader(stored, LogReader(log), log.pending_among)
    told = TriggerMetrics(metrics.registry)
    # what a process before this one showed would stand for ever
    of_every = product((declaration.PULL, *triggers.config.endpoints), (PENDING, DEAD))
    told.waiting(dict.fromkeys(of_every, 0))
    deliveries = Deliveries(engine, triggers, clock, made.goals)
    return TriggerEngine(
        watch=Watch(engine, triggers, clock),
        decider=Decider(
            engine=engine,
            triggers=triggers,
            ranking=made.ranking(reader, clock, metrics),
            reader=reader,
            scorer=made.scorer,
            behind=log.pending_among,
            clock=clock,
            metrics=told,
        ),
        courier=Courier(
            deliveries=deliveries,
            endpoints=triggers.config.endpoints,
            keys=keys_of_endpoints(triggers.config.endpoints),
            circuits=Circuits(engine, clock),
            call=call,
            clock=clock,
            metrics=told,
        ),
        deliveries=deliveries,
        settlement=Settlement(engine),
        feedback=Feedback(engine, made.decisions, clock),
        rounder=Rounder(
            rounds=Rounds(engine, triggers),
            customers=log.customers_after,
            reader=stored,
            scorer=made.scorer,
            clock=clock,
        ),
        turn=turn,
        clock=clock,
        metrics=told,
    )


class _Stdin:
    """What comes from the process that started this one: nudges, then its end."""

    def __init__(self) -> None:
        self.ended = Event()
        self._engine: TriggerEngine | None = None

    def listen(self) -> None:
        while os.read(sys.stdin.fileno(), 4_096):
            if self._engine is not None:
                self._engine.nudge()
        self.ended.set()
        if self._engine is not None:
            self._engine.stop()

    def attend(self, engine: TriggerEngine) -> None:
        self._engine = engine
        if not self.ended.is_set():
            engine.run()
