"""The recorder's process: settings come first on stdin, a socket, then loads of previews.

Each load is written in one transaction, and answered. When stdin ends, the process that started
this one is gone, however it went.
"""

import gc
import logging
import socket
import sys

from sqlalchemy import Engine

from retain import champions
from retain.database import connect
from retain.decisions import previews
from retain.errors import RetainError, StoreUnavailable
from retain.experiments.variants import Arms
from retain.ledger import Ledger
from retain.one import carried
from retain.settings import from_json, telemetry
from services import frames, journal
from services.metrics import PREVIEW, Metrics
from services.rankers import HEADS, rankers

WRITTEN, FAILED = b"written", b"failed"
"""What a load is answered with."""
_OBJECTS = 100_000
log = logging.getLogger("retain.service")


def main() -> None:
    """Write what comes until stdin ends."""
    journal.begin(telemetry(), "recorder")
    line = socket.socket(fileno=sys.stdin.fileno())
    told = frames.receive(line)
    if told is None:
        return
    try:
        settings = from_json(told)
        engine = connect(settings.database_url)
        found = champions.load(Ledger(engine), settings.bentoml_home, HEADS)
        ranked_by = rankers(settings, engine, found)
    except RetainError as error:
        sys.exit(f"{error.message}; {error.remedy}")
    metrics = Metrics("recorder")
    metrics.start()
    # a load is tens of thousands of small objects, all gone with it: not looked through for garbage
    gc.freeze()
    gc.set_threshold(_OBJECTS)
    try:
        frames.send(line, ranked_by.digest.encode())
        while (load := frames.receive(line)) is not None:
            frames.send(line, _recorded(load, engine, ranked_by.arms, metrics))
    except ConnectionError:
        pass
    metrics.close()


def _recorded(load: bytes, engine: Engine, arms: Arms, metrics: Metrics) -> bytes:
    try:
        made = carried.put_down(carried.unpack(load), arms.ranker_of)
        metrics.removals(PREVIEW, previews.write(engine, made))
    except StoreUnavailable:
        # who sent them will say so
        return FAILED
    except Exception:
        log.exception("previews cannot be recorded here")
        return FAILED
    return WRITTEN
