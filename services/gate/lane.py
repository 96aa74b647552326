"""Lanes: each kind of request has room of its own, so that one never takes another's."""

from random import randrange

from services.refusals import Overloaded

_LEAST_RETRY_MS = 500
_MOST_RETRY_MS = 5_000


class Lane:
    """Requests of one kind: so many at a time, for so long each.

    Args:
        name: for messages and metrics.
        most: so many are in flight at most; None is no bound.
        seconds: the deadline of a request that names none.
    """

    __slots__ = ("busy", "most", "name", "refused", "seconds")

    def __init__(self, name: str, *, most: int | None, seconds: float) -> None:
        self.name = name
        self.most = most
        self.seconds = seconds
        self.busy = 0
        self.refused = 0

    def enter(self) -> None:
        """Take a place; :meth:`leave` gives it back.

        Raises:
            Overloaded: there is none.
        """
        if self.most is not None and self.busy >= self.most:
            self.refused += 1
            raise overloaded(f"{self.busy:,} requests of this kind are in hand already")
        self.busy += 1

    def leave(self, *_: object) -> None:
        """The request of a place has ended."""
        self.busy -= 1


def overloaded(what: str, retry_after_ms: int = _LEAST_RETRY_MS) -> Overloaded:
    """The refusal of a request for want of room; callers are told to come back spread out.

    They were refused together and would come together again, so the wait is drawn between
    ``retry_after_ms`` and three times that.
    """
    least = min(max(retry_after_ms, _LEAST_RETRY_MS), _MOST_RETRY_MS)
    return Overloaded(
        what,
        remedy="send the same request again after the seconds in Retry-After",
        retry_after_ms=randrange(least, 3 * least),  # noqa: S311 - no secret
    )
