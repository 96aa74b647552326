"""The section of the rolling cutoffs: every month beside every baseline, and the level."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.baselines import BLEND, LAST_YEAR
from training.curves import Curve
from training.report.facts import measured
from training.report.parts import bounds, figure, paragraph, plots, rival, section, verdicts
from training.report.plots import Series, lines
from training.report.tags import Content, Markup, table
from training.standing import NAMES, RANKING

_SHOWN = ("recency", "rfm", "last_spend", "bgnbd", "regression", "lightgbm", BLEND, LAST_YEAR)


def rolling_section(rolling: Mapping[str, Any]) -> Markup:
    """The verdict, the means, every comparison and the level month by month."""
    verdict, cutoffs = rolling["verdict"], rolling["cutoffs"]
    missed = [bar for bar in verdict["bars"] if not bar["met"]]
    counted = (
        "Every bar is met" if not missed else f"{len(missed)} of {len(verdict['bars'])} bars missed"
    )
    return section(
        "rolling",
        f"Rolling cutoffs: {counted} over {verdict['cutoffs']} months trained and judged again",
        paragraph(
            "At each cutoff the heads were trained by the same functions as `retain train` on "
            "what was known, everyone with an order in the last 365 days was scored as the "
            "service would, and what came afterwards was looked up. Intervals are paired over "
            "resampled customers; p-values are corrected by Holm over cutoffs and metrics."
        ),
        verdicts([(bar["met"], bar["sentence"]) for bar in verdict["bars"]]),
        _means(verdict["means"]),
        plots(*_ranking_figures(cutoffs), *level_figures(cutoffs)),
        _comparisons(verdict["comparisons_with_the_blend"]),
        level_table(cutoffs),
        *(paragraph(f"{name}: {why}", soft=True) for name, why in rolling["skipped"].items()),
    )


def _means(means: Mapping[str, Mapping[str, float]]) -> Markup:
    shown = [name for name in _SHOWN if any(name in one for one in means.values())]
    rows = [
        (
            NAMES[metric],
            *(_mean(one.get(name), metric) for name in ("retain", *shown)),
        )
        for metric, one in means.items()
        if "retain" in one
    ]
    header = ("mean over cutoffs", "Retain", *(rival(name) for name in shown))
    return table(header, rows, "Means over the cutoffs that count")


def _mean(value: float | None, metric: str) -> str:
    if value is None:
        return ""
    return f"{value:.1%}" if metric.endswith("_bias") else f"{value:.4f}"


def _ranking_figures(cutoffs: Sequence[Mapping[str, Any]]) -> list[Markup]:
    found = []
    for metric in RANKING:
        known = [one for one in cutoffs if metric in one["metrics"]]
        if len(known) < 2:
            continue
        series = _over_time(known, metric, ("retain", BLEND, "recency", "last_spend"))
        values = np.concatenate([one.curve.y for one in series])
        room = 0.1 * float(np.ptp(values) or 0.1)
        title = NAMES[metric]
        plot = lines(
            title,
            series,
            "cutoff, in the order of the table",
            title,
            x=(1.0, float(len(known))),
            y=(float(values.min()) - room, float(values.max()) + room),
            percent=False,
        )
        found.append(figure(title, plot))
    return found


def level_figures(cutoffs: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """Bias of total revenue and of the number of buyers, month by month."""
    found = []
    for metric, what in (("revenue_bias", "total revenue"), ("buyers_bias", "number of buyers")):
        known = [one for one in cutoffs if metric in one["metrics"]]
        if len(known) < 2:
            continue
        series = _over_time(known, metric, ("retain", BLEND, "bgnbd", LAST_YEAR))
        values = np.concatenate([one.curve.y for one in series])
        low, high = min(float(values.min()), -0.1), max(float(values.max()), 0.1)
        nothing = Curve(np.array([1.0, len(known)]), np.zeros(2))
        plot = lines(
            f"Bias of the {what}",
            [*series, Series("right", nothing, "even")],
            "cutoff, in the order of the table",
            "predicted over actual, less one",
            x=(1.0, float(len(known))),
            y=(low * 1.1, high * 1.1),
        )
        ours = np.abs(series[0].curve.y).mean()
        found.append(figure(f"The {what} is {ours:.0%} off in the mean", plot))
    return found


def _over_time(
    cutoffs: Sequence[Mapping[str, Any]], metric: str, names: Sequence[str]
) -> list[Series]:
    styles = {"retain": "ours", BLEND: "blend"}
    found = []
    for name in names:
        points = [
            (place, value)
            for place, one in enumerate(cutoffs, start=1)
            if (value := _value(one["metrics"][metric], name)) is not None
        ]
        if points:
            x, y = (np.array(each, dtype=np.float64) for each in zip(*points, strict=True))
            title = "Retain" if name == "retain" else rival(name)
            found.append(Series(title, Curve(x, y), styles.get(name, "rule")))
    return found


def _value(standing: Mapping[str, Any], name: str) -> float | None:
    if name == "retain":
        return float(standing["retain"]["value"])
    one = standing["baselines"].get(name)
    return None if one is None else float(one["value"]["value"])


def _comparisons(comparisons: Sequence[Mapping[str, Any]]) -> Markup:
    rows = []
    for one in comparisons:
        word = "not told apart"
        if one["significantly_worse"]:
            word = "significantly worse"
        elif one["significantly_better"]:
            word = "significantly better"
        rows.append(
            (
                one["cutoff"],
                NAMES[one["metric"]],
                bounds(measured(one["difference"])),
                f"{one['p_value']:.3f}",
                f"{one['holm_p_value']:.3f}",
                word,
            )
        )
    header = ("cutoff", "metric", "better than the blend by [95 %]", "p", "Holm p", "verdict")
    return table(header, rows, "Against the blend, positive where Retain is better")


def level_table(cutoffs: Sequence[Mapping[str, Any]]) -> Markup:
    """What came, and how far each total is off."""
    header = (
        "cutoff",
        "customers",
        "buyers",
        "net revenue",
        *(f"revenue: {name}" for name in ("Retain", "blend", "last year")),
        *(f"buyers: {name}" for name in ("Retain", "blend", "last year")),
        "ECE",
        "80 % interval holds",
        "",
    )
    rows: list[Sequence[Content]] = []
    for one in cutoffs:
        metrics = one["metrics"]
        biases = [
            "" if value is None else f"{value:+.0%}"
            for metric in ("revenue_bias", "buyers_bias")
            for name in ("retain", BLEND, LAST_YEAR)
            for value in [_value(metrics[metric], name) if metric in metrics else None]
        ]
        ece = metrics.get("churn_ece")
        covered = one["interval_coverage"]
        rows.append(
            (
                f"{one['as_of'][:10]}, {one['horizon_days']} d",
                f"{one['customers']:,}",
                f"{one['buyers']:,}",
                f"{one['net_revenue']:,.0f}",
                *biases,
                "" if ece is None else f"{ece['retain']['value']:.3f}",
                "" if covered is None else f"{covered:.0%}",
                "" if one["counted"] else f"reported only: {one['why_not']}",
            )
        )
    return table(header, rows, "Level and season")
