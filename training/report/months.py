"""The section of the rolling cutoffs: every month beside every baseline, and the level."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.baselines import BLEND, LAST_YEAR
from training.comparisons import NAMES, RANKING
from training.curves import Curve
from training.report.facts import amount, measured
from training.report.parts import (
    bounds,
    figure,
    folded,
    paragraph,
    plots,
    rival,
    section,
    verdicts,
)
from training.report.plots import Series, lines
from training.report.tags import Content, Markup, capital, table

_SHOWN = ("recency", "rfm", "last_spend", "bgnbd", "regression", "lightgbm", BLEND, LAST_YEAR)
_SHADED = "Shaded: 95 % intervals of Retain and the blend."
Cutoffs = Sequence[Mapping[str, Any]]
Means = Mapping[str, Mapping[str, float]]


def rolling_section(rolling: Mapping[str, Any], currency: str = "") -> Markup:
    """The verdict, the means, every comparison and the level month by month."""
    verdict, cutoffs = rolling["verdict"], rolling["cutoffs"]
    missed = [bar for bar in verdict["bars"] if not bar["met"]]
    counted = (
        "every bar is met" if not missed else f"{len(missed)} of {len(verdict['bars'])} bars missed"
    )
    return section(
        "rolling",
        f"Rolling cutoffs: {counted} over {verdict['cutoffs']} months trained and judged again",
        paragraph(
            "At each cutoff the heads were trained by the functions of retain train on "
            "what was known, everyone with an order in the last 365 days was scored as the "
            "service would, and what came afterwards was looked up. Intervals are paired over "
            "resampled customers; p-values are corrected by Holm over cutoffs and metrics."
        ),
        verdicts([(bar["met"], bar["sentence"]) for bar in verdict["bars"]]),
        _means(verdict["means"]),
        plots(
            *_ranking_figures(cutoffs, verdict["means"]),
            *_level_figures(cutoffs, verdict["means"]),
        ),
        _comparisons(verdict["comparisons_with_the_blend"]),
        _level_table(cutoffs, currency),
        *(paragraph(f"{name}: {why}", soft=True) for name, why in rolling["skipped"].items()),
    )


def _means(means: Means) -> Markup:
    metrics = [metric for metric, one in means.items() if "retain" in one]
    shown = [name for name in _SHOWN if any(name in means[metric] for metric in metrics)]
    rows = [
        (
            "Retain" if name == "retain" else capital(rival(name)),
            *(_mean(means[metric].get(name), metric) for metric in metrics),
        )
        for name in ("retain", *shown)
    ]
    header = ("mean over cutoffs", *(NAMES[metric] for metric in metrics))
    return table(header, rows, "Means over the cutoffs that count")


def _mean(value: float | None, metric: str) -> str:
    if value is None:
        return ""
    return f"{value:.1%}" if metric.endswith("_bias") else f"{value:.4f}"


def _ranking_figures(cutoffs: Cutoffs, means: Means) -> list[Markup]:
    found = []
    for metric in RANKING:
        title = NAMES[metric]
        if BLEND in means[metric]:
            one = means[metric]
            title = f"{title} {one['retain']:.4f} in the mean, the blend {one[BLEND]:.4f}"
        plot = _months(cutoffs, metric, NAMES[metric], ("retain", BLEND, "recency", "last_spend"))
        found += [figure(title, plot, _SHADED)] if plot else []
    return found


def _level_figures(cutoffs: Cutoffs, means: Means) -> list[Markup]:
    """Bias of total revenue and of the number of buyers, month by month."""
    found = []
    for metric, what in (("revenue_bias", "total revenue"), ("buyers_bias", "number of buyers")):
        label = "predicted over actual, less one"
        plot = _months(cutoffs, metric, label, ("retain", BLEND, "bgnbd", LAST_YEAR), zero=True)
        if plot:
            title = f"The {what} is {means[metric]['retain']:.0%} off in the mean"
            found.append(figure(title, plot, _SHADED))
    return found


def _months(
    cutoffs: Cutoffs, metric: str, label: str, names: Sequence[str], *, zero: bool = False
) -> Markup | None:
    """One metric over the cutoffs, a line per horizon; None where there is nothing to join."""
    known = [one for one in cutoffs if metric in one["metrics"]]
    if len(known) < 2:
        return None
    series = [line for name in names for line in _over_time(known, metric, name)]
    drawn = [side for one in series for side in (one.curve.y, one.curve.low, one.curve.high)]
    values = np.concatenate([side for side in drawn if side is not None] + [np.zeros(1)] * zero)
    room = 0.08 * float(np.ptp(values) or 0.1)
    ends = 0.5, len(known) + 0.5
    horizons = dict.fromkeys(str(one["horizon_days"]) for one in known)
    return lines(
        f"{NAMES[metric]} at each cutoff",
        series,
        f"cutoff (year-month), labels of {', then '.join(horizons)} days",
        label,
        x=ends,
        y=(float(values.min()) - room, float(values.max()) + room),
        even=(0.0, "right") if zero else None,
        x_percent=False,
        y_percent=zero,
        x_names=[one["as_of"][2:7] for one in known],
    )


def _over_time(cutoffs: Cutoffs, metric: str, name: str) -> list[Series]:
    """A line of one name, parted where the horizon changes; only the first is listed."""
    points: dict[int, list[tuple[float, ...]]] = {}
    for place, one in enumerate(cutoffs, start=1):
        known = _measured(one["metrics"][metric], name)
        if known is not None:
            found = (place, known["value"], known["low"], known["high"])
            points.setdefault(one["horizon_days"], []).append(found)
    title = "Retain" if name == "retain" else rival(name)
    style = {"retain": "ours", BLEND: "blend", LAST_YEAR: "year"}.get(name, "rule")
    shaded = slice(None) if name in ("retain", BLEND) else slice(2)
    return [
        Series(title if first else "", Curve(*np.array(part, dtype=np.float64).T[shaded]), style)
        for first, part in zip((True, *[False] * len(points)), points.values(), strict=False)
    ]


def _value(standing: Mapping[str, Any], name: str) -> float | None:
    found = _measured(standing, name)
    return None if found is None else float(found["value"])


def _measured(standing: Mapping[str, Any], name: str) -> Mapping[str, float] | None:
    if name == "retain":
        own: Mapping[str, float] = standing["retain"]
        return own
    one = standing["baselines"].get(name)
    return None if one is None else dict(one["value"])


def _comparisons(comparisons: Cutoffs) -> Markup:
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
                _p(one["p_value"]),
                _p(one["holm_p_value"]),
                word,
            )
        )
    header = ("cutoff", "metric", "better than the blend by [95 %]", "p", "Holm p", "verdict")
    title = f"All {len(rows)} comparisons with the blend, positive where Retain is better"
    return folded(title, table(header, rows, words=2))


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _level_table(cutoffs: Cutoffs, currency: str) -> Markup:
    """What came, and how far each total is off."""
    header = (
        "cutoff",
        "customers",
        "buyers",
        amount("net revenue", currency),
        *(f"revenue, {name}" for name in ("Retain", "blend", "last year")),
        *(f"buyers, {name}" for name in ("Retain", "blend", "last year")),
        "ECE",
        "80 % interval holds",
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
                f"{one['as_of'][:10]}, {one['horizon_days']} d{'' if one['counted'] else ' *'}",
                f"{one['customers']:,}",
                f"{one['buyers']:,}",
                f"{one['net_revenue']:,.0f}",
                *biases,
                "" if ece is None else f"{ece['retain']['value']:.3f}",
                "" if covered is None else f"{covered:.0%}",
            )
        )
    why = dict.fromkeys(one["why_not"] for one in cutoffs if not one["counted"])
    note = f"; * reported only: {', '.join(why)}" if why else ""
    return table(header, rows, f"Level and season, bias of each total{note}")
