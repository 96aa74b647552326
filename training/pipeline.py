"""Training: fit every head, write the evaluation, register; promotion is the caller's own step."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feature_repo.source import OfflineSource
from retain.clock import Clock, now
from retain.database import connect
from retain.eventlog import EventLog
from retain.ledger import Ledger
from retain.manifest import Head, Manifest
from retain.quality import profile, thresholds
from retain.settings import Settings
from training import (
    configuration,
    explained,
    holdout,
    leaks,
    logged,
    overview,
    promotion,
    provenance,
    registry,
)
from training.configuration import Training
from training.dataset import Dataset, FeatureSource
from training.evaluation import Evaluation
from training.fitting import HEADS, HORIZON_DAYS, SEED, FittedRun, Progress, fit_heads
from training.head import FittedHead

__all__ = [
    "HEADS",
    "HORIZON_DAYS",
    "SEED",
    "FittedRun",
    "TrainingRun",
    "fit_heads",
    "promote_all",
    "train",
]


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
    horizon_days: int | None = None,
    seed: int = SEED,
    declared: Training | None = None,
    tune: bool = False,
    progress: Progress | None = None,
    source: FeatureSource | None = None,
    clock: Clock = now,
) -> TrainingRun:
    """Train, judge and register every head on what was known at ``as_of``.

    What is not ``declared`` stands in the home's ``training.yaml``, the horizon too. A head with
    too little data is skipped and says why; the run goes on. With ``tune``, parameters are
    searched for first, and the search stands in the manifests.

    Raises:
        NotEnoughData: the history is too short for any label, or no head could be trained.
        Leakage: a feature knows the future; nothing is registered.
    """
    declared = declared or configuration.load(settings.config)
    horizon_days = horizon_days or declared.horizon_days
    source = source or OfflineSource(settings, as_of, progress)
    engine = connect(settings.database_url)
    people = EventLog(engine).people
    run = fit_heads(
        source,
        as_of,
        horizon_days,
        seed,
        declared=declared,
        thresholds=thresholds.load(settings.config),
        people=people,
        decisions=logged.read(engine, settings.config, as_of),
        tune=tune,
        progress=progress,
    )
    peers = holdout.peers(run)
    checks = leaks.examine(run, source.events(), peers, declared.leakage.trusted)
    run = explained.with_importance(run)
    digest = run.digest()
    made = {
        "data_digest": digest,
        "code_revision": provenance.code_revision(),
        "libraries": provenance.libraries(),
        "created_at": clock().astimezone(UTC),
    }
    models: dict[Head, Manifest] = {}
    for head in run.heads:
        description = run.describe(head).model_copy(update=made)
        files = head.files | _profile_beside(head, run.data)
        models[head.head] = registry.register(settings.bentoml_home, description, files)
    run_id = f"{as_of:%Y%m%dT%H%M%SZ}-{horizon_days}d-{digest[:8]}"
    named = tuple((models[head.head].name, head) for head in run.heads)
    evaluation = Evaluation(
        run_id,
        as_of,
        horizon_days,
        seed,
        run.data.plan,
        named,
        run.skipped,
        run.exclusion,
        explained.recorded_reasons(run, source.events(), people),
        checks,
        overview.of(run),
    )
    folder = evaluation.write(settings.evaluations)
    holdout.write(folder, run, peers, declared.sensitive)
    return TrainingRun(run_id, models, run.skipped, evaluation, folder)


def promote_all(
    settings: Settings,
    run: TrainingRun,
    *,
    by: str = "retain train",
    reason: str | None = None,
) -> list[str]:
    """Make champions of the models that beat their dumb rule; returns their names.

    A response model that has yet to prove better than the champion is left out.
    """
    ledger = Ledger(connect(settings.database_url))
    winners = [
        model
        for model in run.models.values()
        if promotion.eligible(model)
        and not promotion.held_back(ledger, model, settings.evaluations, settings.bentoml_home)
    ]
    for model in winners:
        above = f"above its baseline on the holdout of run {run.run_id}"
        because = above if model.beats_baseline else f"of run {run.run_id}; it has no baseline"
        promotion.promote(
            ledger,
            model,
            by=by,
            reason=reason or because,
            evaluations=settings.evaluations,
            store=settings.bentoml_home,
        )
    return [model.name for model in winners]


def _profile_beside(head: FittedHead, data: Dataset) -> dict[str, str]:
    """What the head's features looked like; a campaign's customers are another population."""
    if head.head in ("response", "next_items", "rfm"):
        return {}
    return {profile.FILE_NAME: data.profile.model_dump_json() + "\n"}
