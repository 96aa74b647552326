"""Bodies that are still on their way: who sends slowly takes no place from who has sent."""

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from services.gate.lane import overloaded
from services.refusals import BodyTooLarge

SMALL_BYTES = 16_384
"""A body no longer than this holds up nobody: a connection alone keeps more."""
MOST_BYTES = 64_000_000
"""Of longer bodies that come at the same time, as long as they say or may be."""


class Bodies:
    """Reads bodies whole, before their requests take a place in a lane."""

    __slots__ = ("_most", "coming")

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self.coming = 0

    async def whole(self, receive: Receive, size: int) -> Receive:
        """Read a body of at most ``size`` bytes; returns what gives it at once, and then goes on.

        Raises:
            Overloaded: more bytes are on their way than there is room for.
            BodyTooLarge: it has become longer than it said or may be.
            ClientDisconnect: who sent it has gone.
        """
        held = size if size > SMALL_BYTES else 0
        if held and self.coming + held > self._most:
            raise overloaded("more long bodies are on their way than there is room for")
        self.coming += held
        try:
            parts, left, more = [], size, True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                parts.append(message.get("body", b""))
                left -= len(parts[-1])
                if left < 0:
                    raise too_large(size)
                more = message.get("more_body", False)
        finally:
            self.coming -= held
        return again({"type": "http.request", "body": b"".join(parts)}, receive)


def too_large(most: int) -> BodyTooLarge:
    """The refusal of a body longer than ``most`` bytes."""
    return BodyTooLarge(
        f"the body is longer than {most:,} bytes", remedy="send it in smaller parts"
    )


def again(read: Message, receive: Receive) -> Receive:
    """``receive``, with what was taken from it put back."""
    waiting = [read]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received
