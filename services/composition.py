"""The composition root of the service: everything is built here, from settings."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine
from starlette.types import ASGIApp

from feature_repo.online import OnlineReader
from feature_repo.online_one import OneReader
from feature_repo.packed_home import online_rows
from retain import signals
from retain.access import IN_PROCESS, Access
from retain.breaking import READS, breakers, require_writes, seen
from retain.clock import Clock, now, pinned
from retain.database import apart, connect
from retain.decisions.feedback import Feedback
from retain.eventlog import EventLog
from retain.exclusive import Exclusive
from retain.ledger import Ledger
from retain.manifest import Manifest
from retain.quality import thresholds
from retain.reasons import Explainer
from retain.settings import Settings
from retain.signals import Signals
from retain.telemetry import STANDARD, Telemetry
from retain.triggers import declaration
from retain.triggers.declaration import Triggers
from retain.triggers.deliveries import Deliveries
from retain.triggers.watch import Watch as TriggerWatch
from retain.waits import SERVING
from services.access_log import AccessLog
from services.deciding import Deciding, deciding
from services.degraded import Degraded
from services.deliveries import Held
from services.event_writer import EventWriter
from services.front import Front
from services.gate.answer import AtOnce
from services.gate.backlog import Backlog
from services.gate.gate import Gate, Record
from services.gate.layout import places
from services.guard import guard
from services.ingest import Ingest
from services.metrics import Metrics
from services.metrics.stores import TimedReader, timed
from services.operations import OPERATIONS
from services.outcomes import Outcomes
from services.pools import Pools
from services.predictions import Predictions
from services.profiles import Profiles
from services.quality import ChildLook, Watch
from services.readiness import Readiness
from services.refresher_process import RefresherProcess
from services.routes import application
from services.single import ROUTE, Single
from services.single_objects import Objects
from services.traced import tracing
from services.triggering import MODULE
from services.use_cases import UseCases

DATABASE = "database"
EVENT_LOOP = "event_loop"
"""Among the lanes: what is in none, because it is answered as it comes."""
_log = logging.getLogger("retain.service")


@dataclass(frozen=True, slots=True)
class Composition:
    """A running service: the application and how to end it: ``drain`` a while before ``close``.

    Attributes:
        at_once: answers what is posted to a route without a task of its own, where it may.
        record: counts what is refused before it comes to the application.
    """

    application: ASGIApp
    record: Record
    at_once: tuple[str, AtOnce] | None
    drain: Callable[[], None]
    close: Callable[[], None]


def compose(
    settings: Settings,
    access: Access = IN_PROCESS,
    telemetry: Telemetry = STANDARD,
) -> Composition:
    """The whole service over ``settings.home``, its refresher started.

    Whoever listens on a socket says by ``access`` who may ask.

    Raises:
        RetainError: something it needs is missing or broken; the message says what.
    """
    engine = connect(settings.database_url, SERVING)
    traces = tracing(telemetry)
    metrics = traces.metrics() if traces else Metrics()
    made = deciding(settings, engine, metrics)
    log = EventLog(engine)
    log.waiting.at_once()
    pools = traces.pools() if traces else Pools()
    reader = OnlineReader(settings, log, aside=pools.aside).warmed(settings.as_of or now())
    read = TimedReader(reader, metrics)
    clock = pinned(settings.as_of) if settings.as_of else now
    triggers = declaration.load(settings.config)
    children = [RefresherProcess(settings), *_triggering(settings, engine, triggers, clock)]

    def nudge() -> None:
        for one in children:
            one.nudge()

    append = timed(partial(log.append_rows, mark_pending=True), metrics, "log", "append")
    writer = traces.writer(append, nudge) if traces else EventWriter(append, nudge)
    manifests = {str(head): one for head, one in made.scorer.champions.manifests.items()}
    metrics.models(manifests)
    readiness = _readiness(settings, engine, manifests, metrics)
    use_cases = UseCases(
        predictions=Predictions(
            reader=read,
            scorer=made.scorer,
            signals=Signals(signals.load(settings.config)),
            explainer=Explainer.of(made.scorer.champions),
            previews=made.previews,
            manifests=manifests,
            clock=clock,
            metrics=metrics,
            degraded=Degraded(
                silent=partial(readiness.silent_seconds, DATABASE),
                refuses=lambda: breakers(engine)[READS].state != "closed",
                most=timedelta(minutes=settings.degraded_max_age_minutes),
                metrics=metrics,
            ),
        ),
        ranking=made.ranking(read, clock, metrics, pools.aside, OneReader.of(settings, log)),
        events=Ingest(
            log=log,
            known=log.stored,
            writer=writer,
            clock=clock,
            metrics=metrics,
            people=log.people,
        ),
        feedback=Outcomes(Feedback(engine, made.decisions, clock), metrics),
        deliveries=Held(
            Deliveries(engine, triggers, clock, made.goals), triggers.config.pull.lease, metrics
        ),
        profiles=Profiles(reader=read, scorer=made.scorer, clock=clock, people=log.people),
        manifests=manifests,
        readiness=readiness.check,
        metrics=metrics,
    )
    readiness.start()
    for one in children:
        one.start()
    watch = Watch(
        look=ChildLook(settings, clock),
        metrics=metrics,
        turn=Exclusive(engine, "quality", settings.home),
        every=timedelta(minutes=thresholds.load(settings.config).watching.every_minutes),
    )
    watch.start()
    metrics.start(one.path for one in OPERATIONS)

    guarded = guard(engine, access)

    def close() -> None:
        guarded.close()
        readiness.stop()
        watch.stop()
        pools.close()
        writer.close()
        for one in children:
            one.stop()
        reader.close()
        made.close()
        metrics.close()
        if traces:
            traces.close()
        engine.dispose()

    (found, lanes), backlog = places(settings), Backlog()
    metrics.watch_queues(
        lambda: {**{lane.name: lane.busy for lane in lanes}, EVENT_LOOP: backlog.depth()}
    )
    metrics.watch_queues(pools.waiting)
    metrics.watch_breakers(
        lambda: {f"database_{kind}": one.state for kind, one in breakers(engine).items()}
    )
    front = _front(application(use_cases, pools), settings, log, made, clock=clock, metrics=metrics)
    gate = Gate(
        front,
        places=found,
        backlog=backlog,
        record=metrics.request,
        checks=guarded.checks,
        notes=[AccessLog(telemetry)],
        whole=front.whole,
    )
    # a span is of a task
    at_once = (ROUTE, gate.at_once) if front.answers_at_once and not traces else None

    def drain() -> None:
        readiness.drain()
        gate.drain()

    return Composition(
        traces.layer(gate) if traces else gate, metrics.request, at_once, drain, close
    )


def _readiness(
    settings: Settings, engine: Engine, manifests: Mapping[str, Manifest], metrics: Metrics
) -> Readiness:
    """The looks at the stores; they open and close the breaker of the database."""

    def saw(store: str, answers: bool) -> None:
        metrics.store_up(store, answers)
        if store == DATABASE:
            seen(engine, answers=answers)

    stores: dict[str, Callable[[], object]] = {
        DATABASE: partial(Ledger(apart(engine)).champion, "rfm"),
        "online_store": online_rows(settings).schemas,
    }
    if engine.dialect.name == "sqlite":
        # a file that is locked or on a full disk is read from as ever
        stores[f"{DATABASE}_writes"] = partial(require_writes, engine)
    return Readiness(manifests, stores, report=saw)


def _front(
    app: ASGIApp,
    settings: Settings,
    log: EventLog,
    made: Deciding,
    *,
    clock: Clock,
    metrics: Metrics,
) -> Front:
    """The application behind what answers single customers sooner, where the stores allow it."""
    reader = OneReader.of(settings, log)
    if reader is None:
        return Front(app, None)
    manifests = {str(head): one for head, one in made.scorer.champions.manifests.items()}
    single = Single(
        reader=reader,
        scorer=made.alone,
        segmenter=made.scorer.segmenter,
        objects=Objects(manifests, Signals(signals.load(settings.config))),
        suggests=made.suggests,
        previews=made.previews,
        clock=clock,
        metrics=metrics,
    )
    return Front(app, single)


def _triggering(
    settings: Settings, engine: Engine, triggers: Triggers, clock: Clock
) -> list[RefresherProcess]:
    """The process of the trigger engine, where there is anything for it to do."""
    if not triggers:
        return []
    if settings.as_of is not None:
        _log.warning("triggers do not fire: the clock is pinned to %s", settings.as_of)
        return []
    # what is accepted from now on sets them off, however long their process takes to start
    TriggerWatch(engine, triggers, clock).begin()
    return [RefresherProcess(settings, module=MODULE, name="the trigger engine")]
