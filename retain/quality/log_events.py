"""The events of a home as the checks read them: its history, and what the log holds beyond."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from retain import history
from retain.clock import from_micros
from retain.errors import NotEnoughData
from retain.eventlog import LOGGED_SCHEMA, EventLog
from retain.importers.past import ending_at
from retain.log_scan import scan
from retain.order import ORDER_TYPES
from retain.quality.event_source import Stored, opened, rows
from retain.quality.thresholds import Thresholds

_EVER_DAYS = 50_000
_ARRIVES_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class LogEvents:
    """What there is to examine.

    Attributes:
        newest: when the latest event happened.
        live: whether it came in within a day of that, as from a shop and not from an archive,
            nor through an import of later.
        unread: events of the log that are left out, being too many for a look.
    """

    source: Stored
    newest: datetime
    live: bool
    unread: int

    def clock(self, now: datetime) -> datetime:
        """The moment to judge at: ``now`` while events come in, else that of the last one."""
        return now if self.live else self.newest


def read(
    log: EventLog, folder: Path, thresholds: Thresholds, imports: Path | None = None
) -> LogEvents:
    """The events of ``log``, from its Parquet history in ``folder`` as far as that reaches.

    ``imports`` has the reports of what was imported, by which a history is known too.

    Raises:
        NotEnoughData: there are none, or none could be read in a moment.
        Conflict: the history is of another log.
        StoreUnavailable: the log did not answer.
    """
    last, exported = log.last_seq(), history.exported_seq(folder)
    if not last:
        raise NotEnoughData("nothing to examine yet", remedy="import or send events first")
    history.require_same_log(log, folder)
    most = thresholds.watching.unexported_events
    unread = last - exported if last - exported > most else 0
    if unread and not exported:
        raise NotEnoughData(
            f"{unread:,} events wait to be exported, too many to read here",
            remedy="run `retain features build`, and again every night",
        )
    chunks = [] if unread else list(scan(log, exported))
    source = Stored(
        history.glob(folder) if exported else None,
        pa.concat_tables(chunks) if chunks else LOGGED_SCHEMA.empty_table(),
    )
    with opened(source, _forever(), days=_EVER_DAYS) as events:
        ((newest, received),) = rows(
            events, "SELECT epoch_us(max(ts)), epoch_us(arg_max(received_at, ts)) FROM events"
        )
    patience = _ARRIVES_WITHIN + timedelta(hours=thresholds.volume.arrival_delay_hours)
    happened = from_micros(newest)
    # a source may tell when it received its rows, and then only the report tells of the import
    done = ending_at(imports, happened) if imports else []
    came = max([from_micros(received), *done])
    return LogEvents(source, happened, came - happened <= patience, unread)


def buyers(source: Stored, as_of: datetime, days: float | None, most: int) -> tuple[list[str], int]:
    """Customers to judge features on, drawn by a hash of their id; and how many there are.

    With ``days`` those with an order in so many days before ``as_of``, else everybody.
    """
    ordered = ", ".join(f"'{name}'" for name in sorted(ORDER_TYPES))
    condition = f"AND type IN ({ordered})" if days is not None else ""
    with opened(source, as_of, days=days if days is not None else _EVER_DAYS) as events:
        events.execute(
            "CREATE TEMP TABLE who AS SELECT DISTINCT customer_id FROM events "
            f"WHERE customer_id IS NOT NULL {condition}"
        )
        drawn = f"SELECT customer_id FROM who ORDER BY md5(customer_id) LIMIT {most}"
        ids = [row[0] for row in rows(events, drawn)]
        return ids, rows(events, "SELECT count(*) FROM who")[0][0]


def _forever() -> datetime:
    return from_micros(4_102_444_800_000_000)  # the year 2100
