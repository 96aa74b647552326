"""Bodies that are on their way: read whole, and no more of them at a time than there is room for."""

import asyncio

import pytest
from starlette.requests import ClientDisconnect

from services.gate.bodies import SMALL_BYTES, Bodies
from services.refusals import Overloaded

LONG = SMALL_BYTES + 1


def coming(*messages):
    left = list(messages)

    async def receive():
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def part(body: bytes, *, more: bool = True) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_is_given_whole_and_then_what_comes_after_it() -> None:
    after = {"type": "http.disconnect"}

    async def both():
        receive = coming(part(b"a"), part(b"b"), part(b"c", more=False), after)
        said = await Bodies().whole(receive, 3)
        return await said(), await said()

    first, second = asyncio.run(both())
    assert (first["body"], first.get("more_body", False)) == (b"abc", False)
    assert second is after


def test_who_goes_away_is_not_answered_and_keeps_no_room() -> None:
    bodies = Bodies(LONG)
    with pytest.raises(ClientDisconnect):
        asyncio.run(bodies.whole(coming(part(b"a"), {"type": "http.disconnect"}), LONG))
    assert bodies.coming == 0


def test_long_bodies_have_room_for_so_many_bytes_and_short_ones_always() -> None:
    bodies = Bodies(LONG)

    async def at_once():
        slow = asyncio.ensure_future(bodies.whole(coming(part(b"a")), LONG))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await bodies.whole(coming(part(b"a", more=False)), LONG)
        short = await bodies.whole(coming(part(b"a", more=False)), SMALL_BYTES)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert bodies.coming == 0
        await bodies.whole(coming(part(b"a", more=False)), LONG)
        return await short()

    assert asyncio.run(at_once())["body"] == b"a"
