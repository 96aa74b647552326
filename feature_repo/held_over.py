"""How long a row goes on answering when a window edge has passed it.

At an edge an event falls out of a window, and the row is to be computed again. Where that is left
to who asks next, they wait a hundred times as long as others, and a computation takes the
interpreter's lock from those. The sweeper knows edges beforehand: it has the row written again
when one passes, which takes a second, and until then the row is good enough.
"""

from datetime import timedelta

HELD_OVER = timedelta(seconds=5)
"""Past its edge, for those who ask about the present; the past is answered to the microsecond."""

_PRESENT_US = 250_000
"""A question about a moment this near is about the present: it took so long to be asked."""
_HELD_OVER_US = int(1e6 * HELD_OVER.total_seconds())


def too_old(moment: int, present: int) -> int:
    """Rows whose edge was at this moment or before do not hold at ``moment``.

    ``present`` is the real time; all are epoch microseconds.
    """
    return moment - _HELD_OVER_US if moment > present - _PRESENT_US else moment
