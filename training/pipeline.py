"""Training: data, every head, evaluation, registration; promotion is the caller's own step."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from feature_repo.source import OfflineSource
from retain.clock import Clock, now
from retain.database import connect
from retain.errors import NotEnoughData
from retain.eventlog import EventLog
from retain.ledger import Ledger
from retain.manifest import Head, Manifest, TrainingWindow
from retain.quality import profile, thresholds
from retain.settings import Settings
from training import (
    churn,
    cutoffs,
    dataset,
    exclusion,
    ltv,
    next_purchase,
    promotion,
    provenance,
    registry,
    response,
    rfm,
)
from training.dataset import Dataset, FeatureSource
from training.evaluation import Evaluation
from training.exclusion import Exclusion
from training.head import FittedHead

Progress = Callable[[str, int, int], None]

HORIZON_DAYS = 90
SEED = 7
WORKERS = 2


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a run made: the registered models and the written evaluation."""

    run_id: str
    models: dict[Head, Manifest]
    skipped: dict[str, str]
    evaluation: Evaluation
    folder: Path

    def as_json(self) -> dict[str, Any]:
        """The evaluation as JSON."""
        return self.evaluation.as_json()

    def text(self) -> str:
        """The evaluation as a table."""
        return self.evaluation.text()


def train(
    settings: Settings,
    *,
    as_of: datetime,
    horizon_days: int = HORIZON_DAYS,
    seed: int = SEED,
    progress: Progress | None = None,
    source: FeatureSource | None = None,
    clock: Clock = now,
) -> TrainingRun:
    """Train, judge and register every head on what was known at ``as_of``.

    A head with too little data is skipped and says why; the run goes on.

    Raises:
        NotEnoughData: the history is too short for any label, or no head could be trained.
    """
    report = progress or _silent
    source = source or OfflineSource(settings, as_of, progress)
    report("training data", 0, 1)
    plan = cutoffs.plan(source.span()[0], as_of, horizon_days)
    people = EventLog(connect(settings.database_url)).people
    excluded = exclusion.find(source.events(), as_of, thresholds.load(settings.config), people)
    data = dataset.build(source, plan, as_of, horizon_days, seed, exclusion=excluded)
    report("training data", 1, 1)
    # BLAS threads spin like LightGBM's; the heads already use both cores
    with threadpool_limits(limits=1):
        fitted, skipped = _fit_heads(source, data, as_of, report, excluded)
    digest = data.digest(fitted[0].features)
    revision, libraries = provenance.code_revision(), provenance.libraries()
    created_at = clock().astimezone(UTC)
    models: dict[Head, Manifest] = {}
    for head in fitted:
        description = _describe(head, data, as_of).model_copy(
            update={
                "data_digest": digest,
                "code_revision": revision,
                "libraries": libraries,
                "created_at": created_at,
            }
        )
        files = head.files | _profile_beside(head, data)
        models[head.head] = registry.register(settings.bentoml_home, description, files)
    run_id = f"{as_of:%Y%m%dT%H%M%SZ}-{horizon_days}d-{digest[:8]}"
    named = tuple((models[head.head].name, head) for head in fitted)
    evaluation = Evaluation(run_id, as_of, horizon_days, seed, plan, named, skipped, excluded)
    folder = evaluation.write(settings.evaluations)
    return TrainingRun(run_id, models, skipped, evaluation, folder)


def promote_all(
    settings: Settings,
    run: TrainingRun,
    *,
    by: str = "retain train",
    reason: str | None = None,
) -> list[str]:
    """Make champions of the models that beat their dumb rule; returns their names."""
    ledger = Ledger(connect(settings.database_url))
    winners = [model for model in run.models.values() if promotion.eligible(model)]
    for model in winners:
        above = f"above its baseline on the holdout of run {run.run_id}"
        because = above if model.beats_baseline else f"of run {run.run_id}; it has no baseline"
        promotion.promote(ledger, model, by=by, reason=reason or because)
    return [model.name for model in winners]


def _silent(step: str, done: int, total: int) -> None:
    """Say nothing."""


def _fit_heads(
    source: FeatureSource,
    data: Dataset,
    as_of: datetime,
    report: Progress,
    excluded: Exclusion,
) -> tuple[list[FittedHead], dict[str, str]]:
    trainers: dict[Head, Callable[[], FittedHead]] = {
        "churn": lambda: churn.train(data),
        "next_purchase": lambda: next_purchase.train(data),
        "ltv": lambda: ltv.train(data),
        "response": lambda: response.train(
            response.read(source, as_of, excluded, data.withdrawn), data.seed
        ),
        "rfm": lambda: rfm.train(data),
    }
    fitted: dict[Head, FittedHead] = {}
    skipped: dict[str, str] = {}
    report("training", 0, len(trainers))
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        started = {pool.submit(trainer): head for head, trainer in trainers.items()}
        for done, future in enumerate(as_completed(started), start=1):
            head = started[future]
            try:
                fitted[head] = future.result()
            except NotEnoughData as error:
                skipped[head] = f"{error.message}. {error.remedy[:1].upper()}{error.remedy[1:]}."
            report("training", done, len(trainers))
    if set(fitted) <= {"rfm"}:
        raise NotEnoughData(
            "no head could be trained: " + " ".join(skipped.values()),
            remedy="import more customers or a longer history",
        )
    return [fitted[head] for head in trainers if head in fitted], skipped


def _profile_beside(head: FittedHead, data: Dataset) -> dict[str, str]:
    """What the head's features looked like; a campaign's customers are another population."""
    if head.head in ("response", "rfm"):
        return {}
    return {profile.FILE_NAME: data.profile.model_dump_json() + "\n"}


def _describe(head: FittedHead, data: Dataset, as_of: datetime) -> Manifest:
    every = data.plan.every
    campaigns = head.head == "response"
    return Manifest(
        head=head.head,
        features=head.features,
        label=head.label,
        horizon_days=head.parameters.get("window_days", data.horizon_days),
        population=head.population,
        training=TrainingWindow(
            as_of=as_of,
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
