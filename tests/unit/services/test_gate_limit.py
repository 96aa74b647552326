"""A limit in time: it cancels what waits too long, and is not there for what never waits."""

import asyncio
import time

import pytest

from services.gate.limit import until
from services.refusals import DeadlineExceeded


class Loop(asyncio.SelectorEventLoop):
    """Counts the timers that are set."""

    timers = 0

    def call_later(self, *arguments, **options):
        self.timers += 1
        return super().call_later(*arguments, **options)


def run(work):
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(work)
        return runner.get_loop()


def test_work_that_never_waits_has_no_timer() -> None:
    done = []

    async def work() -> None:
        done.append(1)

    async def scenario() -> None:
        await until(time.monotonic() + 10, work())

    assert run(scenario()).timers == 0
    assert done == [1]


def test_work_that_waits_and_is_done_in_time_leaves_no_timer_behind() -> None:
    async def work() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    async def scenario() -> None:
        await until(time.monotonic() + 10_000, work())
        waiting = [t for t in asyncio.get_running_loop()._scheduled if not t.cancelled()]
        assert waiting == []

    assert run(scenario()).timers == 1


def test_work_that_waits_too_long_is_cancelled_where_it_waits() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(1)

    async def scenario() -> None:
        with pytest.raises(DeadlineExceeded):
            await until(time.monotonic() + 0.01, work())
        # the task itself goes on
        await asyncio.sleep(0)
        assert asyncio.current_task().cancelling() == 0

    run(scenario())
    assert ended == [1]


def test_a_deadline_that_has_passed_is_over_at_the_first_wait() -> None:
    async def scenario() -> None:
        with pytest.raises(DeadlineExceeded):
            await until(time.monotonic() - 1, asyncio.sleep(3_600))

    run(scenario())


def test_being_cancelled_from_outside_is_no_deadline() -> None:
    async def scenario() -> None:
        task = asyncio.ensure_future(_forever())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def _forever() -> None:
        await until(time.monotonic() + 10_000, asyncio.sleep(3_600))

    run(scenario())


def test_what_the_work_raises_after_waiting_is_raised() -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise KeyError("x")

    async def scenario() -> None:
        with pytest.raises(KeyError):
            await until(time.monotonic() + 10, work())

    run(scenario())


def test_a_failure_that_the_work_waited_for_reaches_it() -> None:
    caught = []

    async def work() -> None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, OSError("gone"))
        try:
            await future
        except OSError as error:
            caught.append(str(error))

    async def scenario() -> None:
        await until(time.monotonic() + 10, work())

    run(scenario())
    assert caught == ["gone"]
