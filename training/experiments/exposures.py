"""Who was exposed to which arm, when first: from receipts, and from events of other systems."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from retain.clock import parse_utc, to_micros
from retain.database import reading
from retain.decisions.receipt_text import unpack_field
from retain.decisions.store import decisions
from retain.eventlog import EventLog
from retain.experiments.declaration import Experiment
from retain.experiments.shares import Shares

_ANONYMOUS = "anonymous:"
_AT_ONCE = 1_000


class Seen(NamedTuple):
    """One exposure: a customer, the arm, when (epoch microseconds), and by which shares."""

    customer_id: str
    arm: str
    at: int
    since: int | None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Exposures:
    """The first exposure of n customers in each period of constant shares, by time.

    Attributes:
        at: (n,) microseconds since the epoch.
        arm: (n,) place among the experiment's cells.
        share: (n,) probability of the arm.
        period: (n,) place among ``periods``.
        periods: (e, k) the shares of each period.
        mixed: customers who met several arms in one period; they are left out.
        unknown: how often arms were named that are not declared.
        altered: how many were assigned with other shares than are declared.
    """

    customer_id: NDArray[np.object_]
    at: NDArray[np.int64]
    arm: NDArray[np.intp]
    share: NDArray[np.float64]
    period: NDArray[np.intp]
    periods: NDArray[np.float64]
    mixed: int = 0
    unknown: Mapping[str, int] = field(default_factory=dict)
    altered: int = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self.at)

    def counts(self) -> NDArray[np.float64]:
        """(e, k) customers by period and arm."""
        shape = self.periods.shape
        cells = np.bincount(self.period * shape[1] + self.arm, minlength=shape[0] * shape[1])
        return np.asarray(cells.reshape(shape), dtype=np.float64)


def collect(
    experiment: Experiment, seen: Iterable[Seen], shifts: Sequence[Shares] = ()
) -> Exposures:
    """The first exposure of every customer in every period.

    Args:
        experiment: whose arms are counted.
        seen: exposures in any order; ids are those of surviving customers.
        shifts: of a bandit, the recorded shares, oldest first.
    """
    cells = [cell.name for cell in experiment.cells]
    place = {name: number for number, name in enumerate(cells)}
    starts: list[int | None] = [None, *(to_micros(one.since) for one in shifts)]
    period_of = {start: number for number, start in enumerate(starts)}
    periods = np.array(
        [[c.share for c in experiment.cells], *([s.of[name] for name in cells] for s in shifts)]
    )
    first: dict[tuple[str, int], tuple[int, int]] = {}
    several: set[tuple[str, int]] = set()
    unknown: Counter[str] = Counter()
    altered = 0
    for one in seen:
        if one.arm not in place or one.since not in period_of:
            unknown[one.arm] += 1
            continue
        arm, period = place[one.arm], period_of[one.since]
        altered += one.share is not None and abs(one.share - periods[period, arm]) > 1e-6
        key = (one.customer_id, period)
        known = first.get(key)
        if known is not None and known[1] != arm:
            several.add(key)
        if known is None or one.at < known[0]:
            first[key] = (one.at, arm)
    kept = sorted((at, key, arm) for key, (at, arm) in first.items() if key not in several)
    arms = np.array([arm for _, _, arm in kept], dtype=np.intp)
    numbers = np.array([key[1] for _, key, _ in kept], dtype=np.intp)
    return Exposures(
        customer_id=np.array([key[0] for _, key, _ in kept], dtype=object),
        at=np.array([at for at, _, _ in kept], dtype=np.int64),
        arm=arms,
        share=periods[numbers, arms],
        period=numbers,
        periods=periods,
        mixed=len({customer for customer, _ in several}),
        unknown=dict(unknown),
        altered=altered,
    )


def of_receipts(engine: Engine, experiment: Experiment, until: datetime) -> Iterable[Seen]:
    """What decisions made up to ``until`` say; visitors without a customer's id are left out."""
    wanted = {"rank": True, "predict": False}
    kinds = [wanted[each] for each in experiment.exposed_by if each in wanted]
    start = 0 if experiment.start is None else to_micros(experiment.start)
    query = select(decisions.c.customer_id, decisions.c.at, decisions.c.receipt).where(
        decisions.c.at.between(start, to_micros(until)), decisions.c.reserved.in_(kinds)
    )
    with reading(engine) as connection:
        for row in connection.execute(query.execution_options(yield_per=_AT_ONCE)):
            if row.customer_id.startswith(_ANONYMOUS):
                continue
            for entry in unpack_field(row.receipt, "experiments") or ():
                if entry["experiment"] == experiment.name:
                    yield _seen(row.customer_id, row.at, entry)


def of_events(rows: pa.Table, shifts: Sequence[Shares]) -> Iterable[Seen]:
    """What ``experiment_viewed`` events say.

    Args:
        rows: ``customer_id, at`` (microseconds), ``variant``.
        shifts: as for :func:`collect`; an event belongs to the shares in force when it happened.
    """
    starts = [to_micros(one.since) for one in shifts]
    for row in rows.to_pylist():
        since = max((start for start in starts if start <= row["at"]), default=None)
        yield Seen(row["customer_id"], row["variant"].lower(), row["at"], since)


def survivors(log: EventLog, seen: Iterable[Seen]) -> list[Seen]:
    """The same exposures under the ids of surviving customers."""
    every = list(seen)
    people = log.people(sorted({one.customer_id for one in every}))
    if not people:
        return every
    return [one._replace(customer_id=people.customer(one.customer_id)) for one in every]


def _seen(customer_id: str, at: int, entry: Mapping[str, Any]) -> Seen:
    since = entry.get("since")
    began = None if since is None else to_micros(parse_utc(since, field="since"))
    return Seen(customer_id, entry["arm"], at, began, entry.get("share"))
