"""The refresher's process: settings come as one line of JSON on stdin, then nudges, then its end.

A process of its own, because a micro-batch would hold up every request by the interpreter's
lock. When stdin ends, the process that started this one is gone, however it went.
"""

import os
import sys
from threading import Thread

from feature_repo.online import OnlineReader
from retain.clock import now, pinned
from retain.database import connect
from retain.errors import RetainError
from retain.eventlog import EventLog
from retain.exclusive import Exclusive
from retain.settings import Settings, from_json, telemetry
from services import journal
from services.metrics import Metrics
from services.refresher import Refresher
from services.sweeper import Sweeper


def line_of(settings: Settings) -> bytes:
    """What :func:`main` reads first."""
    return settings.to_json().encode() + b"\n"


def main() -> None:
    """Refresh until stdin ends."""
    journal.begin(telemetry(), "refresher")
    try:
        metrics = Metrics("refresher")
        working = composed(from_json(sys.stdin.buffer.readline()), metrics)
    except RetainError as error:
        sys.exit(f"{error.message}; {error.remedy}")
    Thread(target=_listen, args=(working,), daemon=True).start()
    metrics.start()
    working.run()
    metrics.close()


def composed(settings: Settings, metrics: Metrics) -> Refresher:
    """The refresher of the home that ``settings`` names.

    Raises:
        StoreUnavailable: a store cannot be opened.
    """
    engine = connect(settings.database_url)
    log = EventLog(engine)
    reader = OnlineReader(settings, log)
    clock = pinned(settings.as_of) if settings.as_of else now
    sweeper = Sweeper(
        customers=log.customers_after, ends=reader.ends, mark=log.mark_again, clock=clock
    )
    return Refresher(
        waiting=log.waiting,
        write=reader.write,
        clock=clock,
        metrics=metrics,
        turn=Exclusive(engine, "refresher", settings.home),
        sweep=sweeper.sweep,
    )


def _listen(working: Refresher) -> None:
    while os.read(sys.stdin.fileno(), 4_096):
        working.nudge()
    working.stop()
