"""The client of `scripts/bench serving`: what it says about a server has to be true."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from load.bar import Bar
from load.job import Job, Outcome
from load.lanes import drive, retry_after
from load.overload import recovered
from load.soak import dependable, longest_ms
from load.watching import growth, longest

Answer = Callable[[int], Awaitable[bytes]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 429 Busy\r\ncontent-length: 0\r\nRetry-After: 0\r\n\r\n"


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    """A server whose answer to the n-th request is ``answer(n)``; its port."""
    asked = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                asked += 1
                writer.write(await answer(asked))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def run(answer: Answer, **given: object) -> object:
    async def driven() -> object:
        async with serving(answer) as port:
            return await drive(
                Job(port, "/predict", ["{}"], seconds=0.3, warmup=0.0, **given)  # type: ignore[arg-type]
            )

    return asyncio.run(driven())


def test_every_answer_is_counted_once_and_has_a_latency() -> None:
    count = 0

    async def answer(number: int) -> bytes:
        nonlocal count
        count = number
        return OK

    record = run(answer, connections=2)
    assert record.all_answers == count > 0
    assert len(record.ok) == record.answered["200"]


def test_an_answer_that_comes_in_pieces_is_one_answer() -> None:
    async def answer(_number: int) -> bytes:
        return b"HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + b"x" * 300_000

    record = run(answer, connections=1)
    assert set(record.answered) == {"200"}


def test_a_broken_connection_is_an_error_and_another_takes_its_place() -> None:
    async def answer(number: int) -> bytes:
        if number == 1:
            raise ConnectionError
        return OK

    record = run(answer, connections=1)
    assert record.answered["lost"] == 1
    assert record.answered["200"] > 0


def test_refusals_are_told_apart_from_successes() -> None:
    async def answer(number: int) -> bytes:
        return BUSY if number % 2 else OK

    record = run(answer, mode="retrying", connections=1)
    assert record.answered["429"] == len(record.refused) > 0
    assert record.answered["200"] == len(record.ok) > 0


def test_a_paced_load_counts_latency_from_when_a_request_was_due() -> None:
    async def answer(number: int) -> bytes:
        if number == 1:
            await asyncio.sleep(0.2)
        return OK

    record = run(answer, mode="paced", connections=1, rate=100.0)
    # one stall is paid for by all that were due during it
    assert sum(one > 0.05 for one in record.ok) > 3


def test_a_refusal_says_how_long_to_wait_whatever_its_case() -> None:
    assert retry_after(b"HTTP/1.1 503 X\r\nRetry-After: 3\r\n") == 3.0
    assert retry_after(b"HTTP/1.1 503 X\r\nfoo: 3\r\n") == 1.0


def test_recovery_needs_half_a_second_at_the_rate() -> None:
    assert recovered([0, 0, 10, 0, 10, 10, 10, 10, 10, 10], 100.0) == 0.4
    assert recovered([9] * 20, 100.0) is None


def test_a_pause_is_bounded_by_the_bucket_that_holds_them_all() -> None:
    before = {("worker", "0.005"): 5.0, ("worker", "0.01"): 7.0, ("worker", "+Inf"): 8.0}
    after = {("worker", "0.005"): 9.0, ("worker", "0.01"): 12.0, ("worker", "+Inf"): 13.0}
    assert longest(before, after) == {"worker": 10.0}
    assert longest(None, None) is None


@pytest.mark.parametrize(("value", "at_most", "met"), [(2, False, True), (2, True, False)])
def test_a_bar_is_a_floor_or_a_ceiling(value: float, at_most: bool, met: bool) -> None:
    assert Bar("x", value, 1, at_most=at_most).met is met
    assert not Bar("x", value, 1, at_most=at_most, aspired=True).missed


def test_a_moment_without_some_pages_is_no_growth_and_what_stays_is() -> None:
    settled = [100.0] * 40
    dipping = [*settled, 80.0, 100.0, 81.0, *settled]
    assert growth(dipping, since=0) == 0.0
    assert growth([*settled, *[110.0] * 40], since=0) == pytest.approx(0.1)


def test_growth_is_that_of_the_highest_since_it_settled() -> None:
    assert growth([1.0, 100.0, 90.0, 104.0, 102.0, 200.0], since=1, until=5) == pytest.approx(0.04)
    assert growth([1.0, 2.0], since=2) is None


def test_pauses_of_helpers_hold_nobody_up_and_untold_ones_are_none_to_rely_on() -> None:
    after = {("worker", "0.01"): 2.0, ("worker", "+Inf"): 2.0, ("refresher", "+Inf"): 1.0}
    assert longest_ms(None, after) == 10.0
    assert longest_ms({("worker", "+Inf"): 1.0}, {("worker", "+Inf"): 2.0}) == float("inf")
    assert longest_ms(after, after) == 0.0
    assert longest_ms(None, None) == float("inf")


def test_what_can_be_depended_on_forgets_one_tenth_of_a_second_in_a_hundred_and_no_more() -> None:
    def answered(slow: int) -> Outcome:
        return Outcome(60.0, {}, 0, [*[1_000] * (600 - slow), *[400] * slow], {}, {}, 0.1)

    assert dependable(answered(slow=5)) == 10_000.0
    assert dependable(answered(slow=7)) == 4_000.0
