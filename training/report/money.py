"""How right amounts are, drawn: the total by tenth, the share reached, and interval coverage."""

import numpy as np

from retain.manifest import Measured
from training import curves
from training.baselines import BLEND
from training.report import ranking
from training.report.facts import HeadFacts, amount
from training.report.parts import bounds, figure
from training.report.plots import Row, intervals, tenths
from training.report.tags import Content, Markup, table

_COVERED = 0.8


def figures(facts: HeadFacts) -> list[Markup]:
    """What stands beside the comparisons of the lifetime value."""
    groups = curves.deciles(facts.truth, facts.score, facts.resampled)
    level = facts.standings["level"].ours
    others = {}
    if BLEND in facts.rivals and BLEND in facts.exact:
        said = facts.rivals[BLEND]
        others["blend"] = [float(said[rows].mean()) for rows in curves.tenths(facts.score)]
    by_tenth = tenths(
        "Predicted and observed by tenth",
        groups,
        amount("mean net revenue", facts.currency),
        others,
    )
    return [
        figure(
            f"Total revenue predicted {level.value:+.0%} off",
            by_tenth,
            f"Bias of the total on the holdout {bounds(level, percent=True)}.",
        ),
        ranking.gain(facts, "revenue", np.maximum(facts.truth, 0.0)),
        *_coverage(facts),
    ]


def _coverage(facts: HeadFacts) -> list[Markup]:
    if "retain.low" not in facts.held:
        return []
    low, high = facts.held["retain.low"], facts.held["retain.high"]
    found = curves.coverage(facts.truth, low, high, facts.score)
    inside = ((facts.truth >= low) & (facts.truth <= high)).astype(np.float64)
    every = facts.resampled.of(lambda weight: float(np.average(inside, weights=weight)))
    rows = [Row("everybody", every, "ours")]
    rows += [
        Row(
            f"fifth {number}, mean {one.predicted:,.0f} {facts.currency[:3]}".rstrip(),
            Measured(value=one.observed, low=one.low, high=one.high),
        )
        for number, one in enumerate(found, start=1)
    ]
    title = f"The 80 % interval holds {every.value:.0%} of what came"
    plot = intervals(
        title, rows, "share inside the interval", percent=True, target=(_COVERED, "80 %")
    )
    return [figure(title, plot, "By fifth of the customers, the lowest prediction first.")]


def by_tenth(facts: HeadFacts) -> Markup:
    """The tenths as numbers."""
    header: tuple[Content, ...] = (
        "tenth",
        "rows",
        amount("predicted mean", facts.currency),
        amount("observed mean [95 %]", facts.currency),
        "share of revenue",
        "lift",
    )
    groups = curves.deciles(facts.truth, facts.score, facts.resampled)
    rows = [
        (
            str(number),
            f"{one.rows:,}",
            f"{one.predicted:,.2f}",
            f"{one.observed:,.2f} [{one.low:,.2f}, {one.high:,.2f}]",
            f"{one.share:.1%}",
            f"{one.lift:.2f}",
        )
        for number, one in enumerate(groups, start=1)
    ]
    return table(header, rows, "Tenths of the customers, best predicted first")
