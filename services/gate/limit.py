"""A limit in time that costs nothing to who never waits."""

import asyncio
from collections.abc import Coroutine, Generator
from time import monotonic
from types import coroutine
from typing import Any

from services.refusals import DeadlineExceeded


@coroutine
def until(deadline: float, work: Coroutine[Any, Any, None]) -> Generator[Any, Any, None]:
    """Await ``work`` until ``deadline``, in seconds of ``time.monotonic``.

    The timer is set when ``work`` waits for the first time, so that work that never does has
    none.

    Raises:
        DeadlineExceeded: it was not done by then, and was cancelled where it waited.
    """
    try:
        waits = work.send(None)
    except StopIteration:
        return
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - what waits is driven by a task
    expired: list[bool] = []

    def expire() -> None:
        expired.append(True)
        task.cancel()

    timer = task.get_loop().call_later(max(deadline - monotonic(), 0.0), expire)
    try:
        while True:
            try:
                sent = yield waits
            except BaseException as error:  # noqa: BLE001 - raised where the work waits
                waits = work.throw(error)
            else:
                waits = work.send(sent)
    except StopIteration:
        # it was done in the very moment, or cancelling was not to its mind
        if expired:
            task.uncancel()
    except asyncio.CancelledError:
        if not expired or task.uncancel():
            raise
        raise DeadlineExceeded("the answer was not there by the request's deadline") from None
    finally:
        timer.cancel()
