"""Scoring threads: a few at work, in order, and who waits for features holds nobody up."""

import asyncio
import threading

from services.pools import SCORING_AT_A_TIME, SCORING_THREADS, Pools


def test_a_thread_that_waits_aside_lets_others_score() -> None:
    pools, go = Pools(), threading.Event()

    def waits() -> str:
        with pools.aside():
            assert go.wait(10)
        return "waited"

    async def scenario() -> list[str]:
        waiting = [asyncio.ensure_future(pools.score(waits)) for _ in range(SCORING_AT_A_TIME + 2)]
        scored = await asyncio.wait_for(pools.score(lambda: "scored"), 10)
        go.set()
        return [scored, *await asyncio.gather(*waiting)]

    assert asyncio.run(scenario()) == ["scored", *["waited"] * (SCORING_AT_A_TIME + 2)]
    pools.close()


def test_no_more_score_at_a_time_than_there_are_slots_and_all_get_their_turn() -> None:
    pools, lock = Pools(), threading.Lock()
    now, most = 0, 0

    def work(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        with lock:
            now -= 1
        return number

    async def scenario() -> list[int]:
        many = range(4 * SCORING_THREADS)
        return await asyncio.gather(*(pools.score(work, number) for number in many))

    assert asyncio.run(scenario()) == list(range(4 * SCORING_THREADS))
    assert most <= SCORING_AT_A_TIME
    pools.close()


def test_aside_is_nothing_to_a_thread_that_does_not_score() -> None:
    pools = Pools()
    for _ in range(SCORING_AT_A_TIME + 1):
        with pools.aside():
            pass
    assert asyncio.run(pools.score(lambda: "scored")) == "scored"
    pools.close()


def test_a_long_list_of_customers_does_not_hold_up_a_single_one() -> None:
    pools, go = Pools(), threading.Event()

    async def scenario() -> list[object]:
        lists = [
            asyncio.ensure_future(pools.score(go.wait, 10, several=True))
            for _ in range(SCORING_AT_A_TIME + 1)
        ]
        single = await asyncio.wait_for(pools.score(lambda: "single"), 10)
        go.set()
        return [single, *await asyncio.gather(*lists)]

    assert asyncio.run(scenario()) == ["single", *[True] * (SCORING_AT_A_TIME + 1)]
    pools.close()
