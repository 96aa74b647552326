"""Fitting: every head on what was known at one moment, with nothing registered."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import TypeVar

import pyarrow.compute as pc
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from retain import manifest, predictors
from retain.champions import Champions
from retain.errors import NotEnoughData
from retain.features.ageing import aged
from retain.manifest import Head, Manifest, TrainingWindow
from retain.quality.thresholds import Thresholds
from retain.rfm import RfmEdges
from training import (
    churn,
    cutoffs,
    dataset,
    exclusion,
    items,
    logged,
    ltv,
    next_purchase,
    orders,
    response,
    rfm,
    tuning,
)
from training.assignments import Assignments
from training.configuration import Training
from training.dataset import Dataset, FeatureSource
from training.enough import examined
from training.exclusion import Exclusion, WhoIs
from training.head import FittedHead
from training.logged import Decisions, Logged
from training.searches import Searches

Progress = Callable[[str, int, int], None]
Read = TypeVar("Read")

DEFAULT = Training()
HORIZON_DAYS = DEFAULT.horizon_days
SEED = 7
WORKERS = 2
HEADS: tuple[Head, ...] = ("churn", "next_purchase", "ltv", "response", "next_items", "rfm")


@dataclass(frozen=True, slots=True)
class FittedRun:
    """Every head as it was fitted on what was known at ``as_of``.

    Attributes:
        skipped: heads there is no model of, and why.
        data: the customers who order.
        leavers: those the churn head learned from; by default the same.
        exclusion: customers nothing was learned from.
    """

    as_of: datetime
    heads: tuple[FittedHead, ...]
    skipped: dict[str, str]
    data: Dataset
    leavers: Dataset
    exclusion: Exclusion

    def learned_from(self, head: FittedHead) -> Dataset:
        """The customers ``head`` was fitted on."""
        return self.leavers if head.head == "churn" else self.data

    def digest(self) -> str:
        """sha256 over everything that was learned from, campaigns apart."""
        held = self.data.columns.keys()
        read = (head.features for head in self.heads)
        features = next((own for own in read if {one.name for one in own} <= held), ())
        parts = [self.data] if self.leavers is self.data else [self.data, self.leavers]
        digests = [part.digest(features) for part in parts]
        return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()

    def describe(self, head: FittedHead) -> Manifest:
        """The manifest of ``head``, not yet sealed."""
        data, every = self.data, self.data.plan.every
        campaigns = head.head == "response"
        return Manifest(
            head=head.head,
            features=head.features,
            label=head.label,
            horizon_days=head.parameters.get("window_days", data.served_days),
            population=head.population,
            training=TrainingWindow(
                as_of=self.as_of,
                first_cutoff=None if campaigns else every[0],
                last_cutoff=None if campaigns else every[-1],
                holdout_cutoffs=() if campaigns else data.plan.holdout,
                rows=head.rows,
                statement=response.STATEMENT if campaigns else data.plan.statement,
            ),
            metrics=head.metrics,
            baselines=head.baselines,
            beats_baseline=head.beats_baseline,
            parameters=head.parameters,
        )

    def champions(self) -> Champions:
        """The heads as the service would load them, without a store or a ledger.

        They are written, sealed, proven and read as registered models are, so that
        ``Scorer(run.champions(), …)`` gives the answers the service would give.

        Raises:
            CorruptModel: a head's own files do not load.
        """
        sealed: dict[Head, Manifest] = {}
        with tempfile.TemporaryDirectory(prefix="retain-heads-") as name:
            folders: dict[Head, Path] = {}
            for head in self.heads:
                folders[head.head] = Path(name, head.head)
                folders[head.head].mkdir()
                for file, content in head.files.items():
                    (folders[head.head] / file).write_text(content)
                sealed[head.head] = manifest.seal(folders[head.head], self.describe(head))
            edges = sealed["rfm"].parameters if folders.pop("rfm", None) else None
            loaded = predictors.load_all(list(folders.values()))
        return Champions(
            **dict(zip(folders, loaded, strict=True)),  # type: ignore[arg-type]
            rfm=RfmEdges.from_parameters(edges) if edges else None,
            manifests=sealed,
        )


def fit_heads(
    source: FeatureSource,
    as_of: datetime,
    horizon_days: int = HORIZON_DAYS,
    seed: int = SEED,
    *,
    heads: Sequence[Head] = HEADS,
    declared: Training = DEFAULT,
    thresholds: Thresholds | None = None,
    people: WhoIs | None = None,
    decisions: Decisions | None = None,
    tune: bool = False,
    progress: Progress | None = None,
) -> FittedRun:
    """Fit and judge ``heads`` on what ``source`` knew at ``as_of``.

    Without ``thresholds`` nobody is left out. A head with too little data is skipped and says
    why; the run goes on. Of ``declared`` all counts but its horizon, which is given. With
    ``tune``, parameters are searched for first, within the declared budget. ``decisions`` are
    learned from as well.

    Raises:
        NotEnoughData: the history is too short for any label, or no head could be fitted.
        InvalidInput: it is to be tuned, and Optuna is not installed.
    """
    report = progress or _silent
    if tune:
        tuning.library()
    plan = cutoffs.plan(source.span()[0], as_of, horizon_days)
    excluded = (
        exclusion.find(source.events(), as_of, thresholds, people) if thresholds else Exclusion()
    )
    found = dataset.populations(
        source,
        plan,
        as_of,
        plan.label_days,
        seed,
        exclusion=excluded,
        churn=declared.churn,
        discount_rate_per_year=declared.discount_rate_per_year,
        most_rows=declared.rows,
        progress=report,
    )
    data, leavers = (replace(one, asked_days=horizon_days) for one in found)
    least, curves = declared.minimum, orders.Shared()
    given: dict[Head, Dataset] = {"churn": leavers, "next_purchase": data, "ltv": data}
    searches = Searches()
    if tune:
        with threadpool_limits(limits=1):
            searches = Searches.of(given, heads, declared, seed, report)
        given = searches.applied(given)
    left_out = excluded.customers | data.withdrawn
    reading = Lock()

    def alone(read: Callable[[], Read]) -> Read:
        with reading:  # a source answers one at a time
            return read()

    trainers: dict[Head, Callable[[], FittedHead]] = {
        "churn": lambda: churn.train(examined("churn", given["churn"], least.churn), curves),
        "next_purchase": lambda: next_purchase.train(
            examined("next_purchase", given["next_purchase"], least.next_purchase), curves
        ),
        "ltv": lambda: ltv.train(examined("ltv", given["ltv"], least.ltv)),
        "response": lambda: response.train(
            *alone(lambda: _responses(source, as_of, excluded, data, decisions))
        ),
        "next_items": lambda: items.train(
            alone(
                lambda: items.read(source, plan, as_of, plan.label_days, seed, left_out=left_out)
            ),
            plan.label_days,
            seed,
        ),
        "rfm": lambda: rfm.train(data),
    }
    # BLAS threads spin like LightGBM's; the heads already use both cores
    with threadpool_limits(limits=1):
        fitted, skipped = _fit({head: trainers[head] for head in heads}, report)
    noted = tuple(searches.noted(head) for head in fitted)
    return FittedRun(as_of, noted, skipped, data, leavers, excluded)


def _responses(
    source: FeatureSource,
    as_of: datetime,
    excluded: Exclusion,
    data: Dataset,
    decisions: Decisions | None,
) -> tuple[Assignments | None, int, Logged | None]:
    """What :func:`training.response.train` is given."""
    if decisions is None or not decisions.table.num_rows:
        return response.read(source, as_of, excluded, data.withdrawn), data.seed, None
    own = logged.of(
        decisions,
        source.orders(),
        lambda keys: aged(source.features_at(keys)),
        as_of,
        exclusion=excluded,
        withdrawn=data.withdrawn,
    )
    told = frozenset(pc.unique(decisions.table.column("decision_id")).to_pylist())
    try:
        given = response.read(source, as_of, excluded, data.withdrawn, fewest=1, decided=told)
    except NotEnoughData:
        given = None
    return given, data.seed, own


def _fit(
    trainers: dict[Head, Callable[[], FittedHead]], report: Progress
) -> tuple[tuple[FittedHead, ...], dict[str, str]]:
    fitted: dict[Head, FittedHead] = {}
    skipped: dict[str, str] = {}
    report("training", 0, len(trainers))
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        # last: it would wait for the curve it shares with churn, and a core with it
        order = sorted(trainers, key=lambda head: head == "next_purchase")
        started = {pool.submit(trainers[head]): head for head in order}
        for done, future in enumerate(as_completed(started), start=1):
            head = started[future]
            try:
                fitted[head] = future.result()
            except NotEnoughData as error:
                skipped[head] = f"{error.message}. {error.remedy[:1].upper()}{error.remedy[1:]}."
            report("training", done, len(trainers))
    if set(fitted) <= {"next_items", "rfm"} and skipped:
        raise NotEnoughData(
            "no head could be trained: " + " ".join(skipped.values()),
            remedy="import more customers or a longer history",
        )
    return tuple(fitted[head] for head in trainers if head in fitted), skipped


def _silent(step: str, done: int, total: int) -> None:
    """Say nothing."""
