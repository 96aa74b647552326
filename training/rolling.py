"""Rolling cutoffs: train on what was known, score everyone, compare with what came after.

Every head is fitted by the function `retain train` calls and answers through the scorer the
service and `retain score` call; labels are read by a source of their own, after the scores.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.source import OfflineSource
from retain import labels, segments
from retain.columns import Columns
from retain.database import connect
from retain.errors import NotEnoughData
from retain.eventlog import EventLog
from retain.features.ageing import aged
from retain.features.sheet import Sheet
from retain.manifest import Head
from retain.predictors.trees import Floats
from retain.quality import thresholds
from retain.scoring import Scorer, Scores
from retain.segments import Segmenter
from retain.settings import Settings
from training import configuration
from training.baselines import SOON_DAYS, Answers, Baselines
from training.dataset import POPULATION_DAYS, FeatureSource, Mask
from training.departures import departures
from training.fitting import FittedRun, Progress, fit_heads
from training.population import People
from training.rolling_cutoffs import RollingCutoff

OURS = "retain"
SLICED_BY = ("country", "tenure_days", "net_spend_365d", "orders_lifetime", "order_recency_days")
HEADS: tuple[Head, ...] = ("churn", "next_purchase", "ltv", "rfm")

SourceAt = Callable[[datetime], FeatureSource]


@dataclass(frozen=True, slots=True)
class Scored:
    """Everyone with an order in the last year at one cutoff, scored and then looked up.

    Attributes:
        answers: what Retain (:data:`OURS`) and every baseline say, by name.
        low, high: ends of Retain's 80 % interval of the revenue.
        outcomes: ``churned`` by the declared label (NaN for who cannot leave by it), ``ordered``,
            ``days_to_order`` and ``net_revenue`` after the cutoff, each (n,).
        columns: the read-time features that slices are made by.
        last_year: what those active a year before brought in the same window of that year, as
            ``revenue`` and ``buyers``; empty without that year.
        trained_on: the split in words.
    """

    cutoff: RollingCutoff
    customers: Sequence[str]
    answers: Mapping[str, Answers]
    low: Floats
    high: Floats
    outcomes: Mapping[str, Floats]
    columns: Columns
    last_year: Mapping[str, float]
    trained_on: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rolled:
    """Every cutoff that could be scored, and why others could not."""

    scored: tuple[Scored, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)


def roll(
    settings: Settings,
    cutoffs: Sequence[RollingCutoff],
    seed: int,
    *,
    progress: Progress | None = None,
    sensitive: Sequence[str] = (),
    source_at: SourceAt | None = None,
) -> Rolled:
    """Score and look up every cutoff, one after the other.

    Raises:
        NotEnoughData: heads could be trained at none of them.
    """
    report = progress or (lambda _step, _done, _total: None)
    source_at = source_at or (lambda at: OfflineSource(settings, at))
    scored, skipped = [], {}
    for done, cutoff in enumerate(cutoffs):
        report("rolling cutoffs", done, len(cutoffs))
        try:
            scored.append(at_cutoff(settings, cutoff, seed, source_at, sensitive))
        except NotEnoughData as error:
            skipped[name_of(cutoff)] = error.message
    report("rolling cutoffs", len(cutoffs), len(cutoffs))
    if not scored:
        raise NotEnoughData(
            "no cutoff could be trained: " + "; ".join(sorted(set(skipped.values()))),
            remedy="import more customers or a longer history",
        )
    return Rolled(tuple(scored), skipped)


def at_cutoff(
    settings: Settings,
    cutoff: RollingCutoff,
    seed: int,
    source_at: SourceAt,
    sensitive: Sequence[str] = (),
) -> Scored:
    """Train at one cutoff as `retain train` would, score, and only then read what came.

    Raises:
        NotEnoughData: there is too little history to train on.
    """
    source = source_at(cutoff.as_of)
    declared = configuration.load(settings.config)
    run = fit_heads(
        source,
        cutoff.as_of,
        cutoff.horizon_days,
        seed,
        heads=HEADS,
        declared=declared,
        thresholds=thresholds.load(settings.config),
        people=EventLog(connect(settings.database_url)).people,
    )
    table, columns = _population(source.training_table([cutoff.as_of]))
    scores = _scorer(settings, run).score(Sheet.of(table))
    rules = Baselines.fit(run.data, aged(source.training_table([cutoff.as_of])))
    answers = {OURS: _ours(scores, cutoff.horizon_days), **rules.answers(columns)}
    rate = declared.discount_rate_per_year
    last_year = _last_year(source, cutoff, rate) if cutoff.counted else {}
    later = source_at(cutoff.as_of + timedelta(days=cutoff.horizon_days))
    found = _outcomes(table, later, cutoff.horizon_days, rate)
    left = departures(later, _keys(table), [cutoff.as_of], cutoff.horizon_days, declared.churn)
    if left is not None:
        stays = People.of(table, declared.churn.label, declared.churn.grace_days).stays
        found["churned"] = np.where(stays, left, np.nan)
    kept = np.isfinite(scores.churn_probability) | np.isfinite(scores.ltv_value)
    return Scored(
        cutoff,
        [one for one, keep in zip(scores.customer_ids, kept, strict=True) if keep],
        {name: _where(one, kept) for name, one in answers.items()},
        scores.ltv_low[kept],
        scores.ltv_high[kept],
        {name: column[kept] for name, column in found.items()},
        {name: columns[name][kept] for name in dict.fromkeys((*SLICED_BY, *sensitive))},
        last_year,
        run.data.plan.statement,
        tuple(f"{head}: {why}" for head, why in run.skipped.items()),
    )


def name_of(cutoff: RollingCutoff) -> str:
    """How a cutoff is named in tables: ``2011-01-09, 90 d``."""
    return f"{cutoff.as_of:%Y-%m-%d}, {cutoff.horizon_days} d"


def _population(table: pa.Table) -> tuple[pa.Table, Columns]:
    columns = aged(table)
    recent: Mask = np.asarray(columns["order_recency_days"], dtype=np.float64) < POPULATION_DAYS
    return table.filter(pa.array(recent)), {n: column[recent] for n, column in columns.items()}


def _scorer(settings: Settings, run: FittedRun) -> Scorer:
    champions = run.champions()
    if champions.rfm is None:
        raise NotEnoughData("nobody ordered in the last year", remedy="import a longer history")
    config = segments.load(settings.config / "segments.yaml")
    return Scorer(champions, Segmenter(config, champions.rfm))


def _ours(scores: Scores, horizon_days: int) -> Answers:
    soon = scores.purchase_30d if horizon_days >= SOON_DAYS else None
    return Answers(
        _known(scores.churn_probability),
        None if soon is None else _known(soon),
        _known(scores.ltv_value),
        probability=True,
        amount=True,
    )


def _known(values: Floats) -> Floats | None:
    """None where a head has no model."""
    return values if np.isfinite(values).any() else None


def _outcomes(
    table: pa.Table, later: FeatureSource, horizon_days: int, rate: float
) -> dict[str, Floats]:
    found = labels.outcomes(_keys(table), later.orders(), horizon_days, rate)
    names = ("churned", "ordered", "days_to_order", "net_revenue")
    found = found.append_column("ordered", pc.invert(found.column("churned")))
    return {
        name: np.asarray(found.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)
        for name in names
    }


def _last_year(source: FeatureSource, cutoff: RollingCutoff, rate: float) -> dict[str, float]:
    table, _ = _population(source.training_table([cutoff.a_year_before]))
    if not table.num_rows:
        return {}
    came = _outcomes(table, source, cutoff.horizon_days, rate)
    return {
        "revenue": float(came["net_revenue"].sum()),
        "buyers": float(came["ordered"].sum()),
    }


def _keys(table: pa.Table) -> pa.Table:
    return table.select(["customer_id", "as_of"])


def _where(one: Answers, kept: Mask) -> Answers:
    def part(values: Floats | None) -> Floats | None:
        return None if values is None else values[kept]

    return Answers(part(one.leaves), part(one.soon), part(one.value), one.probability, one.amount)
