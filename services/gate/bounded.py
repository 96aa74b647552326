"""Bodies that are read no further than they may be long."""

from starlette.types import Message, Receive

from services.refusals import BodyTooLarge


def bounded(receive: Receive, most: int) -> Receive:
    """``receive`` of a body that did not say its length.

    Raises:
        BodyTooLarge: when it has become longer than ``most`` bytes.
    """
    size = 0

    async def next_part() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise too_large(most)
        return message

    return next_part


def too_large(most: int) -> BodyTooLarge:
    """The refusal of a body longer than ``most`` bytes."""
    return BodyTooLarge(
        f"the body is longer than {most:,} bytes", remedy="send it in smaller parts"
    )
