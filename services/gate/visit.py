"""One request, as everything behind the gate may know it."""

from starlette.types import Scope


class Visit:
    """What the gate found out about a request; ``scope["retain"]`` holds it.

    Attributes:
        route: the path template of the operation asked for, or ``unknown``.
        request_id: the caller's ``X-Request-ID``, or one of ours.
        deadline: when the answer is of no use any more, in seconds of ``time.monotonic``.
        started: when it was there to be taken in hand, in seconds of ``time.perf_counter``: from
            its admission on that is before its turn came.
        heard: whether all of its body came.
        entered: whether it was let in, and takes a place in its lane.
        declined: whether it was found to take more than an answer at once.
        key: the id of the API key it came with, or None.
        status: the status of the answer, 0 until it is begun.
        counted_as: what else than its route it is counted as, or None.
        decision_id: the decision that was made, shown or replayed, where the answer is one.
        decisions: how many were shown, where the answer is a list.
    """

    __slots__ = (
        *("counted_as", "deadline", "decision_id", "decisions", "declined", "entered", "heard"),
        *("key", "request_id", "route", "started", "status"),
    )

    def __init__(self, route: str, request_id: str, deadline: float, started: float) -> None:
        self.route = route
        self.request_id = request_id
        self.deadline = deadline
        self.started = started
        self.entered = self.heard = self.declined = False
        self.key: str | None = None
        self.status = 0
        self.counted_as: str | None = None
        self.decision_id: str | None = None
        self.decisions: int | None = None


def of(scope: Scope) -> Visit:
    """The visit of a request behind the gate."""
    visit: Visit = scope["retain"]
    return visit
