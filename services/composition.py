"""The composition root of the service and the batch: everything is built here, from settings."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine
from starlette.applications import Starlette

from feature_repo.online import OnlineReader
from retain import actions, champions, segments
from retain.clock import now, pinned
from retain.contacts import Contacts
from retain.database import connect
from retain.decisions import Decisions
from retain.errors import NoModel
from retain.eventlog import EventLog
from retain.feedback import Feedback
from retain.ledger import Ledger
from retain.ranking import Ranker
from retain.scoring import Scorer
from retain.segments import Segmenter
from retain.settings import Settings
from services.ingest import Ingest
from services.logged import known_events
from services.metrics import Metrics
from services.outcomes import Outcomes
from services.predictions import Predictions
from services.previews import Previews
from services.profiles import Profiles
from services.ranking import Ranking
from services.readiness import Readiness, require_features
from services.refresher import Refresher
from services.routes import THREADS, application
from services.use_cases import UseCases

REQUIRED = ("churn", "next_purchase", "ltv", "rfm")


@dataclass(frozen=True, slots=True)
class Deciding:
    """What service and batch share: how customers are scored and decided for."""

    scorer: Scorer
    ranker: Ranker
    decisions: Decisions
    previews: Previews

    @property
    def models(self) -> dict[str, str]:
        """``head:version`` of every champion, by head."""
        return {head: one.name for head, one in self.scorer.champions.manifests.items()}


@dataclass(frozen=True, slots=True)
class Composition:
    """A running service: the application and how to end it."""

    application: Starlette
    close: Callable[[], None]


def scorer(settings: Settings, engine: Engine) -> Scorer:
    """The champions of this home and its segments.

    Raises:
        NoModel: a head has no champion.
        CorruptModel: a champion's files are not the sealed ones.
        FingerprintMismatch: a champion needs features this version does not compute.
        InvalidInput: ``segments.yaml`` is wrong.
    """
    found = champions.load(Ledger(engine), settings.bentoml_home)
    missing = [head for head in REQUIRED if head not in found.manifests]
    if missing or found.rfm is None:
        raise NoModel(
            f"no model answers for {', '.join(missing)} in {settings.home}",
            remedy="train some first: retain train (or run scripts/demo)",
        )
    require_features(found.manifests)
    config = segments.load(settings.config / "segments.yaml")
    return Scorer(found, Segmenter(config, found.rfm))


def deciding(settings: Settings, engine: Engine, metrics: Metrics) -> Deciding:
    """Scorer, ranker and decisions over one database.

    Raises:
        RetainError: as :func:`scorer`; ``actions.yaml`` is wrong.
    """
    scoring = scorer(settings, engine)
    ranker = Ranker(actions.load(settings.config / "actions.yaml"), scoring.champions.response)
    decisions = Decisions(engine)
    previews = Previews(
        ranker=ranker,
        contacts=Contacts(engine),
        decisions=decisions,
        models={head: one.name for head, one in scoring.champions.manifests.items()},
        metrics=metrics,
    )
    return Deciding(scoring, ranker, decisions, previews)


def compose(settings: Settings) -> Composition:
    """The whole service over ``settings.home``, its refresher started.

    Raises:
        RetainError: something it needs is missing or broken; the message says what.
    """
    engine = connect(settings.database_url)
    metrics = Metrics()
    made = deciding(settings, engine, metrics)
    log = EventLog(engine)
    reader = OnlineReader(settings, log)
    clock = pinned(settings.as_of) if settings.as_of else now
    refresher = Refresher(
        log=log,
        write=reader.write,
        clock=clock,
        metrics=metrics,
        lock=settings.home / "refresher.lock",
    )
    manifests = {str(head): one for head, one in made.scorer.champions.manifests.items()}
    metrics.models({head: one.version for head, one in manifests.items()})
    use_cases = UseCases(
        predictions=Predictions(
            reader=reader,
            scorer=made.scorer,
            previews=made.previews,
            manifests=manifests,
            clock=clock,
            metrics=metrics,
        ),
        ranking=Ranking(
            reader=reader,
            scorer=made.scorer,
            ranker=made.ranker,
            decisions=made.decisions,
            models=made.models,
            clock=clock,
            metrics=metrics,
        ),
        events=Ingest(
            log=log,
            known=partial(known_events, engine),
            unwrap=dict,
            clock=clock,
            metrics=metrics,
            nudge=refresher.nudge,
        ),
        feedback=Outcomes(Feedback(engine, made.decisions, clock), metrics),
        profiles=Profiles(reader=reader, scorer=made.scorer, clock=clock),
        manifests=manifests,
        readiness=Readiness(manifests, reach=log.last_seq).check,
        metrics=metrics,
    )
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="retain")
    refresher.start()

    def close() -> None:
        refresher.stop()
        pool.shutdown()
        made.decisions.close()
        engine.dispose()

    return Composition(application(use_cases, pool), close)
