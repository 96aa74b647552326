"""How customers are scored and decided for: what service and batch share."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from feature_repo.online_one import OneReader
from feature_repo.recompute import Aside
from retain import champions, segments
from retain.clock import Clock
from retain.decisions.contacts import Contacts
from retain.decisions.store import Decisions
from retain.experiments.variants import Arms
from retain.features.reader import FeatureReader
from retain.ledger import Ledger
from retain.one.contacts import ContactsOfOne
from retain.one.scoring import OneScorer
from retain.one.suggesting import Suggesting
from retain.products import Products
from retain.scoring import Scorer
from retain.segments import Segmenter
from retain.settings import Settings
from retain.stock import Stock
from services.metrics import PREVIEW, Metrics
from services.preflight import require_features, require_heads
from services.previews import Previews
from services.rankers import rankers
from services.ranking import ROUTE, Ranking
from services.recorder import Recorder
from services.single_known import SingleKnown


@dataclass(frozen=True, slots=True)
class Deciding:
    """One set of champions, one catalogue of actions and its arms, one store of decisions.

    ``alone`` and ``suggests`` say of a single customer what ``scorer`` says of many.
    """

    scorer: Scorer
    alone: OneScorer
    suggests: Suggesting
    arms: Arms
    decisions: Decisions
    previews: Previews
    recorder: Recorder

    @property
    def models(self) -> dict[str, str]:
        """``head:version`` of every champion, by head."""
        return _names(self.scorer)

    @property
    def goals(self) -> Mapping[str, frozenset[str]]:
        """By action, the event types that reach its goal."""
        ranker, _ = self.arms.nobodys
        return ranker.catalogue.goals

    def close(self) -> None:
        """Write what waits, and end the threads and the child that write."""
        self.decisions.close()
        self.recorder.stop()

    def ranking(
        self,
        reader: FeatureReader,
        clock: Clock,
        metrics: Metrics,
        aside: Aside = nullcontext,
        alone: OneReader | None = None,
    ) -> Ranking:
        """Deciding on request, for customers as ``reader`` knows them, or sooner ``alone``."""
        knows = None
        if alone is not None:
            knows = SingleKnown(
                reader=alone,
                scorer=self.alone,
                segmenter=self.scorer.segmenter,
                suggests=self.suggests,
                metrics=metrics,
                route=ROUTE,
            ).of
        return Ranking(
            reader=reader,
            scorer=self.scorer,
            arms=self.arms,
            decisions=self.decisions,
            popular=self.scorer.popular,
            models=self.models,
            clock=clock,
            metrics=metrics,
            aside=aside,
            knows=knows,
        )


def scorer(settings: Settings, engine: Engine) -> Scorer:
    """The champions of this home and its segments.

    Raises:
        NoModel: too few heads have a champion.
        CorruptModel: a champion's files are not the sealed ones.
        FingerprintMismatch: a champion needs features this version does not compute.
        InvalidInput: ``segments.yaml`` is wrong.
    """
    found = champions.load(Ledger(engine), settings.bentoml_home)
    require_heads(found.manifests, settings)
    require_features(found.manifests)
    config = segments.load(settings.config / "segments.yaml")
    assert found.rfm is not None  # noqa: S101 - required above
    return Scorer(found, Segmenter(config, found.rfm), Stock(Products(engine)))


def deciding(settings: Settings, engine: Engine, metrics: Metrics) -> Deciding:
    """Scorer, rankers and decisions over one database.

    Raises:
        RetainError: as :func:`scorer`, or ``actions.yaml`` or ``experiments.yaml`` is wrong.
    """
    scoring = scorer(settings, engine)
    ranked_by = rankers(settings, engine, scoring.champions)
    arms = ranked_by.arms
    ranker, _ = arms.nobodys
    decisions = Decisions(engine, partial(metrics.removals, PREVIEW), metrics.previews_dropped)
    recorder = Recorder(settings, ranked_by, _names(scoring))
    decisions.carry_with(recorder)
    contacts = Contacts(engine, ranker.limiter)
    previews = Previews(
        arms=arms,
        contacts=contacts,
        contacts_of_one=ContactsOfOne(engine, ranker.limiter).of,
        decisions=decisions,
        models=_names(scoring),
        metrics=metrics,
    )
    champions = scoring.champions
    return Deciding(
        scoring,
        OneScorer(champions),
        Suggesting(champions.next_items, scoring.stock),
        arms,
        decisions,
        previews,
        recorder,
    )


def _names(scoring: Scorer) -> dict[str, str]:
    return {head: one.name for head, one in scoring.champions.manifests.items()}
