"""Events dated before a cutoff that became known after it: features have them, nobody had.

A log that was imported says of every event that it was received at the import; what was known
when cannot be told from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from retain.quality import event_source
from retain.quality.event_source import Source

LATE_DAYS = 1
_LOOKED_AT_DAYS = 90
_IMPORTED = 0.5


@dataclass(frozen=True, slots=True)
class Late:
    """How much of the 90 days before a cutoff was received more than a day after it.

    Attributes:
        types: the kinds of event, the most frequent first.
        imported: most of them are late, so that the log was imported.
    """

    events: int
    late: int
    customers: int
    types: Sequence[str]

    @property
    def imported(self) -> bool:
        """Whether the times of receipt are those of an import."""
        return self.late > _IMPORTED * self.events


def look(events: Source, cutoff: datetime) -> Late:
    """Count what is dated before ``cutoff`` and was received later than a day after it."""
    late = f"epoch_us(received_at) - epoch_us(ts) - age > {LATE_DAYS * 86_400_000_000}"
    with event_source.opened(events, cutoff, days=_LOOKED_AT_DAYS) as opened:
        [(every, count, customers)] = event_source.rows(
            opened,
            f"SELECT count(*), count(*) FILTER ({late}), "
            f"count(DISTINCT customer_id) FILTER ({late}) FROM events",
        )
        types = event_source.rows(
            opened, f"SELECT type FROM events WHERE {late} GROUP BY 1 ORDER BY count(*) DESC, 1"
        )
    return Late(int(every), int(count), int(customers), [str(one) for (one,) in types])
