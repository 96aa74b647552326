"""The access log: a line for a request that failed, was refused or was slow; or for every one."""

import logging
from time import perf_counter

from retain.telemetry import Telemetry
from services import journal
from services.gate.rates import Bucket
from services.gate.visit import Visit

REFUSED = frozenset({401, 403, 413, 429, 431})
LINES_A_SECOND = 50.0
"""Of requests that failed or were refused: a flood of them must not become one of lines."""
log = logging.getLogger(journal.ACCESSES)


class AccessLog:
    """Told every request when it is answered; most are none of its business.

    A line holds the path's template, never the path: that may hold a customer's id.
    """

    def __init__(self, told: Telemetry) -> None:
        self._every = told.accesses == "all"
        self._off = told.accesses == "off"
        self._slow = told.slow_ms / 1_000
        self._room = Bucket(LINES_A_SECOND, perf_counter())
        self._omitted = 0

    def __call__(self, visit: Visit, seconds: float) -> None:
        """One request was answered, ``seconds`` after it came."""
        status = visit.status
        if status < 500 and seconds < self._slow and status not in REFUSED and not self._every:
            return
        if self._off:
            return
        if not self._every and self._room.take(perf_counter()):
            self._omitted += 1
            return
        told = {
            **journal.about(visit),
            "status": status,
            "duration_ms": round(seconds * 1_000, 3),
            "omitted": self._omitted or None,
        }
        self._omitted = 0
        log.log(_level(status), "%s", _said(status, slow=seconds >= self._slow), extra=told)


def _level(status: int) -> int:
    if status >= 500:
        return logging.ERROR
    return logging.WARNING if status in REFUSED else logging.INFO


def _said(status: int, *, slow: bool) -> str:
    if status >= 500:
        return "a request failed"
    if status in REFUSED:
        return "a request was refused"
    return "a request was slow" if slow else "a request was answered"
