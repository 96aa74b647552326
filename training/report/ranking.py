"""How well a score puts customers in order, drawn: gain, lift, ROC, precision and recall."""

import numpy as np

from training import curves
from training.baselines import BLEND
from training.curves import Curve, Kind
from training.report.facts import HeadFacts
from training.report.parts import figure, rival
from training.report.plots import Series, lines
from training.report.tags import Markup

RULE = {"churn": "recency", "next_purchase": "recency", "ltv": "last_spend"}
SHADED = "Shaded: 95 % interval of Retain."
_TENTH = 0.1


def figures(facts: HeadFacts) -> list[Markup]:
    """Every curve with the blend and the dumb rule in the same plot."""
    what = "leavers" if facts.head == "churn" else "buyers"
    rate = float(facts.truth.mean())
    return [
        gain(facts, what),
        _lift(facts, what),
        figure(
            "ROC curve",
            lines(
                "ROC curve",
                _series(facts, "roc"),
                "false positive rate",
                "true positive rate",
                diagonal="at random",
            ),
            SHADED,
        ),
        figure(
            f"Precision and recall, {rate:.0%} being {what}",
            lines(
                "Precision and recall",
                _series(facts, "precision_recall"),
                "recall",
                "precision",
                even=(rate, "at random"),
            ),
            SHADED,
        ),
    ]


def gain(facts: HeadFacts, what: str, truth: np.ndarray | None = None) -> Markup:
    """The share of what is sought that the best of the customers hold.

    ``truth`` stands in for the outcome where that may be below zero.
    """
    series = _series(facts, "gain", truth)
    plot = lines(
        f"Cumulative gain of the {what}",
        series,
        "share of customers, highest score first",
        f"share of the {what}",
        diagonal="at random",
    )
    title = f"The first tenth holds {_at_a_tenth(series[0].curve):.0%} of the {what}"
    return figure(title, plot, f"{_told(series)} {SHADED}")


def _lift(facts: HeadFacts, what: str) -> Markup:
    series = _series(facts, "lift")
    most = max(float(np.max(_top(one.curve))) for one in series)
    plot = lines(
        "Lift by share of customers",
        series,
        "share of customers, highest score first",
        "lift: times the usual share",
        y=(0.0, max(2.0, most * 1.05)),
        y_percent=False,
        even=(1.0, "at random"),
    )
    title = (
        f"The first tenth has {_at_a_tenth(series[0].curve):.1f} times the usual share of {what}"
    )
    return figure(title, plot, f"{_told(series, percent=False)} {SHADED}")


def _series(facts: HeadFacts, kind: Kind, truth: np.ndarray | None = None) -> list[Series]:
    truth = facts.truth if truth is None else truth
    ours = curves.banded(kind, truth, facts.score, facts.resampled)
    found = [Series("Retain", ours, "ours")]
    for name, style in ((BLEND, "blend"), (RULE[facts.head], "rule")):
        if name in facts.rivals:
            found.append(Series(rival(name), _plain(kind, truth, facts.rivals[name]), style))
    return found


def _plain(kind: Kind, truth: np.ndarray, score: np.ndarray) -> Curve:
    if kind == "roc":
        return curves.roc(truth, score)
    if kind == "precision_recall":
        return curves.precision_recall(truth, score)
    found = curves.gain(truth, score)
    return found if kind == "gain" else curves.lift(found)


def _told(series: list[Series], *, percent: bool = True) -> str:
    """What each reaches with the first tenth, Retain with its interval."""
    ours = series[0].curve
    assert ours.low is not None  # noqa: S101 - it was made with its interval
    assert ours.high is not None  # noqa: S101
    form = "{:.1%}" if percent else "{:.2f}"
    value, low, high = (
        form.format(float(np.interp(_TENTH, ours.x, side)))
        for side in (ours.y, ours.low, ours.high)
    )
    others = [f"{one.name} {form.format(_at_a_tenth(one.curve))}" for one in series[1:]]
    return f"At 10 %: {'; '.join([f'Retain {value} [{low}, {high}]', *others])}."


def _at_a_tenth(curve: Curve) -> float:
    return float(np.interp(_TENTH, curve.x, curve.y))


def _top(curve: Curve) -> np.ndarray:
    return curve.y if curve.high is None else curve.high
