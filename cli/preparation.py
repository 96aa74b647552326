"""The steps of a demo from data to a loaded online store, each recorded when it is done."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cli.context import open_log
from cli.progress import counter, stages
from cli.promotion import promote_run
from cli.screen import say
from cli.steps import Steps
from retain.clock import iso, now, parse_utc, to_micros
from retain.errors import Conflict, NotEnoughData
from retain.settings import Settings

SEED = 7
CANDIDATES = 200
LIVE_WITHIN = timedelta(days=2)
HORIZON_DAYS = 90


@dataclass(frozen=True, slots=True)
class Shop:
    """Where a demo's events come from: a file of the user's, or ``customers`` simulated ones."""

    customers: int
    data: Path | None = None
    file_format: str = "retain"
    mapping: Path | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the service needs to know.

    Attributes:
        as_of: the data's last event, to which features were built and models trained.
        candidates: customers who ordered lately, those with several orders first; of these the
            most recent first.
    """

    as_of: datetime
    candidates: list[str]

    @property
    def is_live(self) -> bool:
        """Whether the data reaches close enough to now for the real clock."""
        return now() - self.as_of <= LIVE_WITHIN


def prepare(settings: Settings, steps: Steps, shop: Shop) -> Prepared:
    """Run whatever is not recorded as done.

    Raises:
        Conflict: the home holds events of something else.
        RetainError: whatever a step raises; running again goes on from that step.
    """
    if not steps.begun:
        if open_log(settings).count():
            raise Conflict(
                f"{settings.home} holds events that are not this demo's",
                remedy="give another folder with --home",
            )
        steps.begin()
    if shop.data is None and not steps.done("simulate"):
        steps.finish("simulate", str(_simulate(settings.home / "simulated", shop.customers)))
    if not steps.done("import"):
        data = shop.data or Path(steps.left("simulate"))
        _import(settings, shop, data)
        last = open_log(settings).last_event_at()
        if last is None:
            raise NotEnoughData(
                f"nothing of {data} could be kept", remedy=f"see the report in {settings.imports}"
            )
        steps.finish("import", iso(last))
    as_of = parse_utc(steps.left("import"), field="as_of")
    if not steps.done("features"):
        _features(settings, as_of)
        steps.finish("features")
    if not steps.done("train"):
        steps.finish("train", _train(settings, as_of))
    if not steps.done("materialize"):
        _materialize(settings, as_of)
        steps.finish("materialize", _candidates(settings, as_of))
    return Prepared(as_of, steps.left("materialize"))


def _simulate(folder: Path, customers: int) -> Path:
    from retain import simulator

    # up to this moment: a shop that ended at midnight looks stopped in the afternoon
    today, tomorrow = now(), now() + timedelta(days=1)
    with counter("simulate") as progress:
        return simulator.write(folder, customers, SEED, progress, end=tomorrow, until=today).events


def _import(settings: Settings, shop: Shop, data: Path) -> None:
    from retain import importers

    with counter("import") as progress:
        report = importers.import_file(
            data,
            shop.file_format,
            open_log(settings),
            settings.imports,
            mapping=shop.mapping,
            progress=progress,
        )
    say(report.text())


def _features(settings: Settings, as_of: datetime) -> None:
    from feature_repo import offline

    with stages() as progress:
        offline.build(settings, [as_of], progress)


def _train(settings: Settings, as_of: datetime) -> list[str]:
    from training import pipeline

    with stages() as progress:
        run = pipeline.train(settings, as_of=as_of, horizon_days=HORIZON_DAYS, progress=progress)
    say(run.text())
    return [f"{one.head}:{one.version}" for one in promote_run(settings, run)]


def _materialize(settings: Settings, as_of: datetime) -> None:
    from feature_repo.materialize import materialize as load_online

    with stages() as progress:
        load_online(settings, as_of, progress)


def _candidates(settings: Settings, as_of: datetime) -> list[str]:
    from sqlalchemy import func, select

    from retain.database import connect, reading
    from retain.eventlog import events

    query = (
        select(events.c.customer_id)
        .where(
            events.c.type == "order_completed",
            events.c.customer_id.is_not(None),
            events.c.ts > to_micros(as_of - timedelta(days=365)),
        )
        .group_by(events.c.customer_id)
        .order_by((func.count() > 2).desc(), func.max(events.c.ts).desc(), events.c.customer_id)
        .limit(CANDIDATES)
    )
    with reading(connect(settings.database_url)) as connection:
        return list(connection.scalars(query))
