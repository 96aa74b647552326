"""The data of an experiment from a home: exposures, orders, messages, and the baseline."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, func, select

from feature_repo import offline
from feature_repo.offline import Progress
from retain import labels
from retain.clock import iso, to_micros
from retain.database import connect, reading
from retain.decisions.store import decisions
from retain.errors import NotEnoughData
from retain.eventlog import EventLog
from retain.experiments.declaration import Experiment
from retain.experiments.shares import ShareBook, Shares
from retain.features.outcomes import Outcomes
from retain.settings import Settings
from training.experiments import exposures, outcomes
from training.experiments.analysis import Analysis, analyse, until

TRAFFIC_DAYS = 28
_ORDERED_WITHIN = timedelta(days=365)
_VIEWED = (
    "SELECT customer_id, epoch_us(ts) AS at, properties->>'variant' AS variant FROM events "
    "WHERE type = 'experiment_viewed' AND properties->>'experiment_id' = '{name}' "
    "AND customer_id IS NOT NULL AND (properties->>'variant') IS NOT NULL "
    "AND epoch_us(ts) BETWEEN {start} AND {end}"
)


@dataclass(frozen=True, slots=True)
class Base:
    """What customers do without the experiment, as the history says it.

    Attributes:
        customers: with an order in the year before the window.
        conversion: share of them with an order within the window.
        revenue_mean, revenue_sd: of a customer within the window.
        per_day: customers decided for, over the last 28 days, by the day; None where none were.
    """

    customers: int
    conversion: float
    revenue_mean: float
    revenue_sd: float
    per_day: float | None


def analysed(
    settings: Settings,
    experiment: Experiment,
    as_of: datetime,
    progress: Progress | None = None,
) -> tuple[Analysis, list[Shares]]:
    """What is known of ``experiment`` at ``as_of``, and the recorded shifts of its shares.

    Raises:
        NotEnoughData: nobody was exposed to any of its arms.
        StoreUnavailable: decisions or feedback cannot be read.
    """
    offline.export_history(settings, progress)
    engine = connect(settings.database_url)
    shifts = ShareBook(engine).history(experiment.name) if experiment.bandit else []
    moment = until(experiment, as_of)
    with closing(offline.outcomes(settings, moment)) as facts:
        exposed = _exposed(engine, facts, experiment, moment, shifts)
        start = experiment.start or moment
        told = outcomes.told_by(engine, facts, start, moment)
        measured = outcomes.measure(exposed, facts.orders(), told, experiment.design.window_days)
    return analyse(experiment, exposed, measured, moment), shifts


def base(settings: Settings, window_days: int, as_of: datetime) -> Base:
    """What the size of an experiment is computed from, in the window before ``as_of``.

    Raises:
        NotEnoughData: no customer had ordered before.
    """
    offline.export_history(settings)
    opened = as_of - timedelta(days=window_days)
    with closing(offline.outcomes(settings, as_of)) as facts:
        orders = facts.orders()
    at = orders.column("ts")
    past = orders.filter(
        pc.and_(
            orders.column("is_order"),
            pc.and_(
                pc.less_equal(at, pa.scalar(opened, at.type)),
                pc.greater(at, pa.scalar(opened - _ORDERED_WITHIN, at.type)),
            ),
        )
    )
    customers = past.column("customer_id").combine_chunks().unique()
    if len(customers) == 0:
        raise NotEnoughData(
            f"nobody ordered before {iso(opened)}",
            remedy="name the baseline yourself: --baseline 0.05",
        )
    moments = pa.array([opened] * len(customers), pa.timestamp("us", "UTC"))
    keys = pa.table({"customer_id": customers, "as_of": moments})
    found = labels.outcomes(keys, orders, window_days)
    revenue = found.column("net_revenue").to_numpy(zero_copy_only=False)
    churned = found.column("churned").to_numpy(zero_copy_only=False)
    return Base(
        customers=len(customers),
        conversion=float(1 - np.mean(churned)),
        revenue_mean=float(np.mean(revenue)),
        revenue_sd=float(np.std(revenue)),
        per_day=_per_day(connect(settings.database_url), as_of),
    )


def filled(experiment: Experiment, found: Base) -> Experiment:
    """``experiment`` with what its design leaves open taken from the history."""
    given = experiment.design
    design = given.model_copy(
        update={
            name: value
            for name, value in (
                ("baseline_conversion", found.conversion),
                ("revenue_mean", found.revenue_mean),
                ("revenue_sd", found.revenue_sd),
            )
            if getattr(given, name) is None and value > 0
        }
    )
    return experiment.model_copy(update={"design": design})


def _exposed(
    engine: Engine,
    facts: Outcomes,
    experiment: Experiment,
    moment: datetime,
    shifts: list[Shares],
) -> exposures.Exposures:
    last = min(moment, experiment.end) if experiment.end else moment
    seen = exposures.of_receipts(engine, experiment, last)
    if "event" in experiment.exposed_by:
        start = 0 if experiment.start is None else to_micros(experiment.start)
        called = experiment.experiment_id or experiment.name
        query = _VIEWED.format(name=called, start=start, end=to_micros(last))
        seen = chain(seen, exposures.of_events(facts.sql(query), shifts))
    found = exposures.collect(experiment, exposures.survivors(EventLog(engine), seen), shifts)
    if len(found) == 0:
        named = f"; exposures name {', '.join(found.unknown)}" if found.unknown else ""
        raise NotEnoughData(
            f"nobody was exposed to {experiment.name} up to {iso(last)}{named}",
            remedy="it counts /rank decisions whose receipt names it, and experiment_viewed events "
            "with its name as experiment_id and an arm as variant",
        )
    return found


def _per_day(engine: Engine, as_of: datetime) -> float | None:
    since = as_of - timedelta(days=TRAFFIC_DAYS)
    query = select(func.count(func.distinct(decisions.c.customer_id))).where(
        decisions.c.at.between(to_micros(since), to_micros(as_of)), decisions.c.reserved
    )
    with reading(engine) as connection:
        customers = connection.scalar(query) or 0
    return customers / TRAFFIC_DAYS or None
