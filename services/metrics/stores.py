"""Stores timed where they are composed, so that who uses them need not know of metrics."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ParamSpec, TypeVar

from feature_repo.online import OnlineReader
from retain.errors import StoreUnavailable
from retain.features.reader import Features
from services.metrics.recorder import Metrics

Given = ParamSpec("Given")
Result = TypeVar("Result")


def timed(
    work: Callable[Given, Result], metrics: Metrics, store: str, operation: str
) -> Callable[Given, Result]:
    """``work``, its seconds and failures recorded as those of ``operation`` on ``store``.

    Only what a store is to blame for has failed: not that nothing was found. What needs two is
    the failure of the one that did not answer.
    """

    def call(*arguments: Given.args, **named: Given.kwargs) -> Result:
        began, failed, blamed = time.perf_counter(), False, store
        try:
            return work(*arguments, **named)
        except StoreUnavailable as error:
            failed, blamed = True, error.store or store
            raise
        finally:
            metrics.store(blamed, operation, time.perf_counter() - began, failed)

    return call


class TimedReader:
    """A reader of features whose reads are recorded."""

    def __init__(self, reader: OnlineReader, metrics: Metrics) -> None:
        self._read = timed(reader.read, metrics, "online", "read")
        self._parts = timed(reader.parts, metrics, "online", "read")
        self._last_known = timed(reader.last_known, metrics, "online", "read")

    def parts(self, customer_ids: Sequence[str], as_of: datetime) -> Sequence[Features]:
        """As the reader itself."""
        return self._parts(customer_ids, as_of)

    def last_known(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """As the reader itself."""
        return self._last_known(customer_ids, as_of)

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        """As the reader itself."""
        return self._read(customer_ids, as_of)
