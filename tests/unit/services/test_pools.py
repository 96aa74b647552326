"""Scoring threads: a few at work, in order, and who waits for features holds nobody up."""

import asyncio
import threading
import time

import pytest

from services.pools import (
    MOST_LISTS,
    MOST_READING,
    MOST_SINGLE,
    SCORING_AT_A_TIME,
    STORING_THREADS,
    Pools,
)
from services.refusals import Overloaded


def emptied(pools: Pools, kind: str) -> None:
    while pools.waiting()[kind]:
        time.sleep(0.001)


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
        many = range(MOST_SINGLE)
        return await asyncio.gather(*(pools.score(work, number) for number in many))

    assert asyncio.run(scenario()) == list(range(MOST_SINGLE))
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


def test_more_work_than_there_is_room_for_is_refused_and_other_kinds_are_not() -> None:
    pools, go = Pools(), threading.Event()

    async def scenario() -> None:
        lists = [
            asyncio.ensure_future(pools.score(go.wait, 10, several=True)) for _ in range(MOST_LISTS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await pools.score(go.wait, 10, several=True)
        assert await pools.score(lambda: "single") == "single"
        assert await pools.store(lambda: "stored") == "stored"
        go.set()
        await asyncio.gather(*lists)
        assert await pools.score(lambda: "again", several=True) == "again"

    asyncio.run(scenario())
    pools.close()


def test_the_room_of_a_caller_that_left_is_free_when_its_thread_is_done() -> None:
    pools, go = Pools(), threading.Event()

    async def scenario() -> None:
        stuck = [asyncio.ensure_future(pools.store(go.wait, 10)) for _ in range(STORING_THREADS)]
        behind = asyncio.ensure_future(pools.store(lambda: "never"))
        await asyncio.sleep(0)
        for one in (*stuck, behind):
            one.cancel()
        await asyncio.gather(*stuck, behind, return_exceptions=True)
        # the one that no thread had begun is gone, those at work are still accounted for
        assert pools.waiting()["storing"] == STORING_THREADS
        go.set()
        await asyncio.to_thread(emptied, pools, "storing")

    asyncio.run(scenario())
    pools.close()


def test_nothing_is_computed_for_a_caller_that_left_while_it_waited_for_its_turn() -> None:
    pools, go, computed = Pools(), threading.Event(), []

    async def scenario() -> None:
        first = asyncio.ensure_future(pools.score(go.wait, 10))
        second = asyncio.ensure_future(pools.score(computed.append, 1))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        go.set()
        await first
        await asyncio.to_thread(emptied, pools, "scoring")

    asyncio.run(scenario())
    assert computed == []
    pools.close()


def test_long_work_gives_way_between_its_parts() -> None:
    pools, order, inside = Pools(), [], threading.Event()

    def parts() -> None:
        order.append("first part")
        inside.set()
        while pools.waiting()["scoring"] < 2:
            pass
        while len(order) < 2:
            pools.give_way()
        order.append("last part")

    async def scenario() -> None:
        long = asyncio.ensure_future(pools.score(parts))
        assert await asyncio.to_thread(inside.wait, 10)
        await pools.score(order.append, "another")
        await long

    asyncio.run(scenario())
    assert order == ["first part", "another", "last part"]
    pools.close()


def test_probes_are_answered_while_every_other_thread_is_stuck() -> None:
    pools, go = Pools(), threading.Event()

    async def scenario() -> None:
        stuck = [
            asyncio.ensure_future(kind(go.wait, 10))
            for kind in (pools.score, pools.store, pools.read)
            for _ in range(MOST_READING)
        ]
        assert await asyncio.wait_for(pools.probe(lambda: "alive"), 10) == "alive"
        go.set()
        await asyncio.gather(*stuck)

    asyncio.run(scenario())
    pools.close()
