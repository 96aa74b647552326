"""Comparing policies on what a home has logged: campaigns, or decisions of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pyarrow.compute as pc
from sqlalchemy import Engine

from retain.clock import iso, to_micros
from retain.columns import Columns
from retain.decisions.catalogues import Catalogue
from retain.errors import NotEnoughData
from retain.features.ageing import aged
from retain.labels import RESPONSE_WINDOW_DAYS
from retain.predictors import ResponsePredictor
from retain.predictors.trees import Floats
from training import assignments
from training.assignments import Assignments
from training.dataset import FeatureSource
from training.logged import Decisions
from training.policies import campaigns, decisions, evaluation
from training.policies.campaigns import Economy
from training.policies.evaluation import Candidate, Evaluated
from training.policies.log import Log

FEWEST = 500
_VALUE_DAYS = 365

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Models:
    """The response models whose policies are compared; ``champion`` names one of them."""

    predictors: Sequence[ResponsePredictor]
    champion: str | None = None

    def learned_until(self) -> datetime | None:
        """The latest moment any of them learned from; what is later is new to all."""
        moments = [one.manifest.training.as_of for one in self.predictors]
        return max(moments, default=None)

    def seen(self, since: datetime | None) -> tuple[str, ...]:
        """Those that learned from something at or after ``since``; None is the beginning."""
        return tuple(
            one.manifest.name
            for one in self.predictors
            if since is None or one.manifest.training.as_of > since
        )


def on_campaigns(
    source: FeatureSource,
    as_of: datetime,
    models: Models,
    economy: Economy,
    *,
    after: datetime | None = None,
    seed: int = 7,
) -> Evaluated:
    """Policies on the campaigns with a hold-out whose answers were in at ``as_of``.

    Without ``after`` only campaigns count that no model learned from; where those are too few,
    all of them, and what :class:`Evaluated` says of the models is flattered and promotes nothing.

    Raises:
        NotEnoughData: there are too few of them.
    """

    def randomised(since: datetime | None) -> Assignments:
        given = assignments.read(source, as_of, after=since, fewest=FEWEST).randomised()
        if len(given) < FEWEST:
            raise NotEnoughData(
                f"only {len(given)} assignments were to campaigns that held somebody out",
                remedy="hold out a tenth of the next campaigns",
            )
        return given

    given, since = _later_or_all(randomised, models, after)
    log = campaigns.log_of(given, economy)
    candidates: list[Candidate] = campaigns.rules(given, log)
    for one in models.predictors:
        candidates += campaigns.following(given, log, one, economy)
    standing = [one for one in models.predictors if one.manifest.name == models.champion]
    # any model will do that did not see the rows; the champion's favours nobody who challenges it
    guess = (
        campaigns.reward_model(given, log, (standing or list(models.predictors))[0], economy)
        if models.predictors
        else None
    )
    about = {
        "log": "campaigns",
        "assignments": len(given),
        "actions": list(given.actions),
        "reward": economy.reward,
        "costs": {name: economy.costs.get(name, 0.0) for name in given.actions},
        "margin": economy.margin,
        "value_of_an_order": economy.value,
    }
    return _Look(models, since, as_of, seed).at(log, _distinct(candidates), guess, about)


def on_decisions(
    source: FeatureSource,
    engine: Engine,
    known: Decisions,
    as_of: datetime,
    models: Models,
    *,
    profit: bool,
    cost: float | None = None,
    margin: float | None = None,
    after: datetime | None = None,
    seed: int = 7,
) -> Evaluated:
    """Policies on the service's own decisions whose answers were in at ``as_of``.

    A model's policy takes the candidate with the highest expected value, by the receipt's terms
    with its own probabilities in the place of theirs. ``known`` says what became of them;
    ``cost`` and ``margin`` count in place of the receipts'. Which of them count is as of
    :func:`on_campaigns`.

    Raises:
        NotEnoughData: there are too few decisions with the chance of every candidate.
    """
    given, since = _later_or_all(
        lambda since: decisions.read(engine, known, since, as_of, FEWEST), models, after
    )
    log = given.ordered(source.orders(), profit=profit, cost=cost, margin=margin)
    candidates = given.policies()
    if models.predictors:
        columns: Columns = aged(source.features_at(given.keys()))
        candidates += [decisions.following(given, one, columns) for one in models.predictors]
    about = {
        "log": "decisions",
        "decisions": len(log),
        "actions": list(log.actions),
        "reward": "profit" if profit else "orders",
    }
    guess = given.guess(profit=profit, cost=cost, margin=margin)
    return _Look(models, since, as_of, seed).at(log, candidates, guess, about)


def _later_or_all(
    read: Callable[[datetime | None], Given], models: Models, after: datetime | None
) -> tuple[Given, datetime | None]:
    """What came after the models learned and since when; all of it where that is too little."""
    since = after or models.learned_until()
    try:
        return read(since), since
    except NotEnoughData:
        if after is not None or since is None:
            raise
        return read(None), None


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at what came after ``since`` and was known at ``as_of``."""

    models: Models
    since: datetime | None
    as_of: datetime
    seed: int

    def at(
        self,
        log: Log,
        candidates: Sequence[Candidate],
        guess: Floats | None,
        about: Mapping[str, Any],
    ) -> Evaluated:
        """What ``candidates`` would have brought on ``log``."""
        told = {
            "as_of": iso(self.as_of),
            "after": None if self.since is None else iso(self.since),
            "customers": len(set(log.units)),
            "window_days": RESPONSE_WINDOW_DAYS,
        }
        return evaluation.evaluate(
            log,
            candidates,
            reward_model=guess,
            about={**about, **told},
            champion=self.models.champion,
            seen=self.models.seen(self.since),
            seed=self.seed,
        )


def economy(
    source: FeatureSource,
    until: datetime,
    catalogue: Catalogue | None,
    *,
    cost: float | None,
    margin: float | None,
) -> Economy:
    """What an order is worth and a contact costs: in orders, or in money by ``catalogue``.

    ``cost`` and ``margin`` count in place of the catalogue's.

    Raises:
        NotEnoughData: profit is asked for, and no order of the year before has an amount.
    """
    named = set(source.assignments().column("action_id").to_pylist())
    if catalogue is None:
        return Economy("orders", dict.fromkeys(named, cost or 0.0))
    known = [one for name, one in catalogue.by_id.items() if name in named]
    costs = {one.id: one.contact_cost for one in known}
    declared = [one.margin for one in known]
    usual = sum(declared) / len(declared) if declared else 1.0
    return Economy(
        "profit",
        costs if cost is None else dict.fromkeys(named, cost),
        usual if margin is None else margin,
        _value_of_an_order(source, until),
    )


def _value_of_an_order(source: FeatureSource, until: datetime) -> float:
    """Mean revenue of an order in the year before ``until``."""
    orders = source.orders()
    moments = orders.column("ts").cast("int64")
    since = to_micros(until - timedelta(days=_VALUE_DAYS))
    wanted = pc.and_(
        pc.and_(pc.greater(moments, since), pc.less_equal(moments, to_micros(until))),
        orders.column("is_order"),
    )
    mean = pc.mean(orders.filter(wanted).column("value")).as_py()
    if not mean:
        raise NotEnoughData(
            f"no order of the year before {until:%Y-%m-%d} has an amount",
            remedy="evaluate with --reward orders",
        )
    return float(mean)


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without policies of the same name: two models may say the same."""
    return list({one.name: one for one in candidates}.values())
