"""Lifetime value: hurdle and Tweedie tried, the better kept, judged against last spend."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from retain.clock import to_micros
from retain.columns import Columns
from retain.features.matrix import to_matrix
from retain.predictors.btyd import OrderOdds
from retain.predictors.ltv import Interval
from retain.predictors.trees import Floats
from retain.predictors.yearly import Yearly
from training import btyd, choosing, conformal, currencies, discounting, seasons, stretching
from training.amounts import CANDIDATES, FittedAmount
from training.anchoring import Anchor, Shift
from training.boosting import Rows
from training.bootstrap import Bootstrap
from training.dataset import POPULATION, Dataset, Mask
from training.enough import demand
from training.head import FittedHead, Judgement
from training.metrics import GINI, LEVEL, MAE, MEAN, SPEARMAN
from training.seasons import Outlook
from training.selection import choose

TIER_NAMES = ("low", "medium", "high", "top")
TIER_QUANTILES = (0.5, 0.8, 0.95)
RULES = ("net_spend_90d", "net_spend_365d")
SMALLEST_FACTOR = 0.01


@dataclass(frozen=True, slots=True)
class Settled:
    """A fitted amount, and what customers it did not see say about its level and its spread.

    Attributes:
        factor: what unseen customers brought over what was predicted; ``amount`` has it.
        season: what the amount is multiplied by through the year.
        newest: values of the population at the moment of the fit.
    """

    amount: FittedAmount
    factor: float
    interval: Interval
    season: Yearly
    outlook: Outlook | None
    shift: Shift
    newest: Floats


def train(data: Dataset) -> FittedHead:
    """Fit on the plan's cutoffs.

    Raises:
        NotEnoughData: too few customers brought revenue, or none, in the first cutoffs.
    """
    plan, seed, net = data.plan, data.seed, data.net_revenue
    rate = data.discount_rate_per_year
    (fit, validation), holdout = choosing.rows(data), data.at(plan.holdout)
    demand(
        "ltv",
        (net[fit] > 0).astype(np.float64),
        "customers with revenue",
        "customers without revenue",
    )
    features = choose(data.where(fit).columns)
    matrix = data.matrix(features)

    def rows(mask: Mask) -> Rows:
        return Rows.of(matrix[mask], net[mask]).tuned(data.trees)

    def odds_at(columns: Columns) -> OrderOdds | None:
        return btyd.order_odds(columns, features, data.horizon_days, seed)

    first_odds = odds_at(data.where(data.at(plan.fit[-1:])).columns)
    tried = {
        kind: choice(rows(fit), rows(validation), features, seed, first_odds)
        for kind, choice in CANDIDATES.items()
    }
    values = {kind: amount.value(matrix[validation]) for kind, amount in tried.items()}
    later = Bootstrap(data.customers[validation], seed)
    versus = later.compare(GINI, net[validation], values["tweedie"], values["hurdle"])
    # one season says little: the hurdle, which BG/NBD is stacked on, has to be clearly beaten
    kind = "tweedie" if versus.beats else "hurdle"
    scores = {"hurdle": versus.rule.value, "tweedie": versus.model.value}

    def fitted(mask: Mask, people: Columns, moment: int) -> Settled:
        odds, half = odds_at(people), data.half()
        held_out = tried[kind].refit(rows(mask & half), features, seed, odds)
        unseen = data.latest(mask) & ~half
        predicted = held_out.value(matrix[unseen])
        factor = max(float(net[unseen].sum() / predicted.sum()), SMALLEST_FACTOR)
        amount = tried[kind].refit(rows(mask), features, seed, odds).scaled(factor)
        past = to_matrix(people, features)
        days = data.served_days if moment == data.trade.last else data.horizon_days
        found = seasons.outlook(data.trade, moment, days, data.drawn, data.known)
        anchor = Anchor(data, mask, people, moment, found.net_trust if found else 0.0)
        shift = anchor.net(float(amount.value(past).sum()))
        amount = amount.scaled(shift.factor)
        amount = amount.scaled(stretching.orders(odds, past, data.horizon_days, days))
        worth = discounting.mean_factor(rate, days)
        amount = amount.scaled(worth / discounting.mean_factor(rate, data.horizon_days))
        values = amount.value(past)
        # the record's totals are not discounted
        season = seasons.factor(found, float(values.sum()) / worth, moment)
        interval = conformal.fit(predicted * factor, net[unseen])
        return Settled(amount, factor, interval, season, found, shift, values * season.rows[0, 0])

    first = data.where(data.at(plan.holdout[:1])).columns
    before = fitted(data.at(plan.refit), first, to_micros(plan.holdout[0]))
    moments = data.cutoffs[holdout].astype("datetime64[us]")
    value = before.amount.value(matrix[holdout]) * before.season.at(moments)[:, 0]
    covered = conformal.coverage_of(before.interval, value, net[holdout])
    judgements = _judge(data.where(holdout), value, covered)
    low, high = before.interval.around(value)

    now = fitted(np.ones(len(matrix), dtype=bool), data.current, data.trade.last)
    return FittedHead(
        head="ltv",
        label=(
            f"orders less refunds in the {data.served_days} days after the moment of scoring"
            f"{discounting.wording(rate)}, zeros kept"
        ),
        population=POPULATION,
        features=features,
        rows=len(matrix),
        files={
            **now.amount.files(),
            "interval.json": json.dumps(now.interval.to_json(), indent=1),
            "season.json": json.dumps(now.season.to_json()),
        },
        parameters=_parameters(data, now, scores),
        judgements=judgements,
        notes=(
            "Kept by the Gini coefficient at the validation cutoffs: "
            + ", ".join(f"{k} {score:.3f}" for k, score in scores.items())
            + f"; {kind} is registered.",
            _level_sentence(now.factor),
            seasons.sentence(now.outlook),
            *seasons.unlike(before.outlook, now.outlook),
            *now.shift.sentences(),
            *data.extrapolation_notes,
            *currencies.sentences(data.current),
        ),
        held={"value": value, "low": low, "high": high},
    )


def _parameters(data: Dataset, now: Settled, scores: dict[str, float]) -> dict[str, Any]:
    edges = np.quantile(now.newest, TIER_QUANTILES)
    return {
        "kind": now.amount.kind,
        "validation_gini": scores,
        "interval_coverage": conformal.COVERAGE,
        "level_factor": now.factor,
        "discount_rate_per_year": data.discount_rate_per_year,
        **data.extrapolation,
        "season": seasons.described(now.outlook),
        "anchor": now.shift.described(),
        "tiers": {"names": list(TIER_NAMES), "edges": edges.tolist()},
        "tiers_meaning": "predicted value among the customers at the moment of training: "
        "top 5 %, next 15 %, next 30 %, the rest",
    }


def _level_sentence(factor: float) -> str:
    return (
        f"At the last three cutoffs the total was {factor:.2f} times the prediction for unseen "
        "customers; every prediction is multiplied by that, and then by the season."
    )


def _judge(held: Dataset, value: Floats, covered: Floats) -> tuple[Judgement, ...]:
    bootstrap = Bootstrap(held.customers, held.seed)
    lines = []
    for rule in RULES:
        spend = np.asarray(held.columns[rule], dtype=np.float64)
        for metric in (GINI, SPEARMAN):
            compared = bootstrap.compare(metric, held.net_revenue, value, spend)
            # ranks of what is mostly zero reward a rule for being zero, too
            decisive = rule == RULES[0] and metric is GINI
            lines.append(Judgement.against(metric.name, rule, compared, decisive=decisive))
    lines += [
        Judgement(metric.name, bootstrap.measured(metric, held.net_revenue, value))
        for metric in (MAE, LEVEL)
    ]
    return (*lines, Judgement("interval_coverage", bootstrap.measured(MEAN, covered, covered)))
