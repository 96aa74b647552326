"""A look at a home: its events and features judged, and told by event type and by feature."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from retain.clock import iso, to_micros
from retain.database import connect
from retain.errors import RetainError
from retain.eventlog import EventLog
from retain.features.engine import FEATURE_SCHEMA
from retain.features.reader import LogReader
from retain.ledger import Ledger
from retain.quality import champion, log_events, tables
from retain.quality import stored_ages as ages
from retain.quality.champion import Champion
from retain.quality.examination import examine_events, examine_features
from retain.quality.findings import Findings, Sample
from retain.quality.log_events import LogEvents
from retain.quality.stored_ages import StoredAges
from retain.quality.thresholds import Thresholds
from retain.settings import Settings

_CUSTOMERS_PER_READ = 500


@dataclass(frozen=True, slots=True)
class Checkup:
    """What a look found.

    Attributes:
        as_of: the moment everything was judged at.
        findings: of events and features, the worst first, with the numbers behind them.
        notes: what the reader has to know: which clock, what was sampled, what was not judged.
        champion: whose training snapshot features were compared with.
    """

    as_of: datetime
    findings: Findings
    notes: tuple[str, ...]
    champion: Champion

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "as_of": iso(self.as_of),
            "state": self.findings.worst(),
            "compared_with": self.champion.name if self.champion.profile else None,
            "notes": list(self.notes),
            "findings": [asdict(finding) for finding in self.findings.findings],
            "event_types": [asdict(row) for row in tables.event_types(self.findings)],
            "features": [asdict(row) for row in tables.features(self.findings)],
        }

    def metrics(self) -> list[Sample]:
        """Every number and state for Prometheus, without customers' ids."""
        return [*self.findings.metrics(), *tables.state_samples(self.findings)]


def look(
    settings: Settings,
    thresholds: Thresholds,
    *,
    now: datetime,
    as_of: datetime | None = None,
    stored_ages: StoredAges | None = None,
    threads: int = 2,
) -> Checkup:
    """Examine the events and a sample of the customers of ``settings.home``.

    Judged at ``as_of``; without one at ``now``, or at the last event where that came from an
    archive: a history is not late. ``stored_ages`` tells how old the rows served are.

    Raises:
        NotEnoughData: there is nothing to examine yet.
        StoreUnavailable: a store did not answer.
    """
    engine = connect(settings.database_url)
    try:
        log = EventLog(engine)
        events = log_events.read(log, settings.history, thresholds, settings.imports)
        moment = as_of or events.clock(now)
        compared = champion.read(Ledger(engine), settings.bentoml_home)
        found = examine_events(events.source, moment, thresholds, threads=threads)
        drawn, notes = _features(log, events, compared, moment, thresholds)
        if drawn.num_rows:
            found += examine_features(drawn, compared.profile, thresholds)
            if stored_ages:
                found, notes = _with_ages(found, notes, stored_ages, drawn, moment)
    finally:
        engine.dispose()
    told = _about_events(events, moment, now, asked=as_of is not None)
    return Checkup(moment, found, (*told, *notes), compared)


def _features(
    log: EventLog, events: LogEvents, compared: Champion, moment: datetime, thresholds: Thresholds
) -> tuple[pa.Table, list[str]]:
    most = thresholds.watching.customers
    within = compared.profile.ordered_within_days if compared.profile else None
    ids, everybody = log_events.buyers(events.source, moment, within, most)
    # a customer who is two ids is judged once
    people = log.people(ids)
    ids = list(dict.fromkeys(people.customer(one, to_micros(moment)) for one in ids))
    reader = LogReader(log)
    parts = [
        reader.read(ids[start : start + _CUSTOMERS_PER_READ], moment).table
        for start in range(0, len(ids), _CUSTOMERS_PER_READ)
    ]
    table = pa.concat_tables(parts) if parts else FEATURE_SCHEMA.empty_table()
    notes = [compared.note] if compared.note else []
    if everybody > len(ids):
        notes.append(f"features are judged on {len(ids):,} of {everybody:,} customers")
    elif table.num_rows < thresholds.features.least_rows:
        notes.append(
            f"features of {table.num_rows:,} customers are shown and not judged: "
            f"drift is told from {thresholds.features.least_rows:,}"
        )
    return table, notes


def _with_ages(
    found: Findings, notes: list[str], stored_ages: StoredAges, drawn: pa.Table, moment: datetime
) -> tuple[Findings, list[str]]:
    try:
        told = stored_ages(drawn.column("customer_id").to_pylist(), moment)
    except RetainError as error:
        return found, [*notes, f"how old the rows served are cannot be told: {error.message}"]
    return found + ages.findings(told), notes


def _about_events(
    events: LogEvents, moment: datetime, now: datetime, *, asked: bool
) -> Iterable[str]:
    if events.unread:
        yield (
            f"{events.unread:,} events came since the last export and were not read: "
            "run `retain features build`, and again every night"
        )
    if not asked and moment != now:
        yield (
            f"the events end at {iso(events.newest)} and were imported later than that: judged at "
            "their own end, where nothing is late. If more should be coming in: --as-of now"
        )
