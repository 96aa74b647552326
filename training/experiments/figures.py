"""The plots of an experiment's page."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from retain.clock import to_micros
from retain.experiments.shares import Shares
from retain.manifest import Measured
from training.curves import Curve
from training.experiments.analysis import Analysis
from training.experiments.boundaries import fixed_width
from training.experiments.effects import Effect, Path
from training.experiments.outcomes import MICROSECONDS_PER_DAY
from training.report.parts import figure
from training.report.plots import Row, Series, intervals, lines
from training.report.tags import Markup

Floats = NDArray[np.float64]

_STYLES = ("ours", "blend", "rule", "other")
_WIDEST = 4.0


def lifts(title: str, effects: Sequence[Effect]) -> Markup | None:
    """The relative lifts of one metric with their always-valid intervals."""
    told = [(one, one.lift.last()) for one in effects if one.lift is not None]
    rows = [
        Row(one.contrast.name, found, "ours" if one.decided_at is not None else "other")
        for one, found in told
        if found is not None
    ]
    if not rows:
        return None
    return figure(title, intervals(title, rows, "relative lift", percent=True))


def path(effect: Effect, days: Sequence[datetime]) -> Markup | None:
    """A lift day by day inside its always-valid interval, and inside that of one look."""
    if effect.lift is None:
        return None
    told = np.flatnonzero(np.isfinite(effect.lift.low))
    if len(told) < 2:
        return None
    one, y = effect.lift, _room(effect.lift, told)
    x = np.array([_day(days[place], days[0]) for place in told.tolist()])

    def within(values: Floats) -> Floats:
        return np.clip(values[told], y[0], y[1])

    drawn = [
        Series("lift", Curve(x, within(one.value), within(one.low), within(one.high)), "ours"),
        Series("one look only", Curve(x, within(one.fixed_low)), "rule"),
        Series("", Curve(x, within(one.fixed_high)), "rule"),
    ]
    title = f"{effect.metric}, {effect.contrast.name}"
    plot = lines(
        title,
        drawn,
        f"days since {days[0]:%Y-%m-%d}",
        "relative lift",
        x=(0.0, max(float(x[-1]), 1.0)),
        y=y,
        even=(0.0, "no difference"),
        x_percent=False,
    )
    return figure(title, plot, "Shaded: valid at every look. Dashed: valid at one look only.")


def arms(analysis: Analysis, metric: str, *, percent: bool) -> Markup:
    """The mean of every arm with a plain 95 % interval."""
    sums = analysis.sums[metric]
    error = np.sqrt(sums.variances[-1]) * fixed_width(0.05)
    rows = [
        Row(cell.name, Measured(value=mean, low=mean - half, high=mean + half), "other")
        for cell, mean, half in zip(
            analysis.experiment.cells, sums.means[-1].tolist(), error.tolist(), strict=True
        )
        if np.isfinite([mean, half]).all()
    ]
    title = f"{metric} per customer, by arm"
    return figure(title, intervals(title, rows, title, percent=percent)) if rows else Markup("")


def arrivals(analysis: Analysis) -> Markup | None:
    """The share of each arm among all exposed so far, day by day; None of a single day."""
    exposures, cells = analysis.exposures, analysis.experiment.cells
    day = (exposures.at - exposures.at.min()) // MICROSECONDS_PER_DAY
    shape = (int(day.max()) + 1, len(cells))
    if shape[0] == 1:
        return None
    counts = np.bincount(day * shape[1] + exposures.arm, minlength=shape[0] * shape[1])
    running = counts.reshape(shape).cumsum(axis=0)
    shares = running / running.sum(axis=1, keepdims=True)
    x = np.arange(shape[0], dtype=np.float64)
    drawn = [
        Series(cell.name, Curve(x, shares[:, place]), _style(place))
        for place, cell in enumerate(cells)
    ]
    if analysis.experiment.bandit is None:
        drawn += [Series("", Curve(x[[0, -1]], np.full(2, cell.share)), "even") for cell in cells]
    title = "Share of each arm among the exposed so far"
    most = min(1.0, float(shares.max()) * 1.15)
    reach = (0.0, max(float(x[-1]), 1.0))
    plot = lines(title, drawn, "days", "share", x=reach, y=(0.0, most), x_percent=False)
    return figure(title, plot, "Dotted: as declared." if analysis.experiment.bandit is None else "")


def interaction(analysis: Analysis) -> Markup | None:
    """The primary metric at the levels of one factor, a line for each level of the other."""
    if not analysis.experiment.factors:
        return None
    a, b = analysis.experiment.factors
    metric = analysis.experiment.design.primary
    means = analysis.sums[metric].means[-1].reshape(len(a.levels), len(b.levels))
    if not np.isfinite(means).all():
        return None
    x = np.arange(1.0, len(a.levels) + 1)
    drawn = [
        Series(f"{b.name} {level.name}", Curve(x, means[:, place]), _style(place))
        for place, level in enumerate(b.levels)
    ]
    title = f"{metric} by {a.name} and {b.name}"
    plot = lines(
        title,
        drawn,
        a.name,
        f"{metric} per customer",
        x=(0.6, len(a.levels) + 0.4),
        y=(0.0, float(means.max()) * 1.2),
        y_percent=metric == "conversion",
        x_names=[level.name for level in a.levels],
    )
    return figure(title, plot, "Parallel lines: the factors do not change each other's effect.")


def shifted(analysis: Analysis, shifts: Sequence[Shares]) -> Markup | None:
    """The shares of a bandit over time, as steps."""
    if not shifts:
        return None
    cells = analysis.experiment.cells
    first = analysis.experiment.start or shifts[0].since
    times = [first, *(one.since for one in shifts), max(analysis.as_of, shifts[-1].since)]
    x = np.repeat([_day(one, first) for one in times], 2)[1:-1]
    drawn = []
    for place, cell in enumerate(cells):
        steps = np.repeat([cell.share, *(one.of[cell.name] for one in shifts)], 2)
        drawn.append(Series(cell.name, Curve(x, steps), _style(place)))
    title = "Shares of the arms over time"
    reach = (0.0, max(float(x[-1]), 1e-3))
    plot = lines(title, drawn, "days since the start", "share", x=reach, x_percent=False)
    return figure(title, plot)


def _style(place: int) -> str:
    return _STYLES[min(place, len(_STYLES) - 1)]


def _day(at: datetime, first: datetime) -> float:
    return (to_micros(at) - to_micros(first)) / MICROSECONDS_PER_DAY


def _room(lift: Path, told: NDArray[np.intp]) -> tuple[float, float]:
    """The bounds of a plot: the first days' intervals are too wide to be drawn in full."""
    late = told[len(told) // 5 :]
    low, high = float(lift.low[late].min()), float(lift.high[late].max())
    return max(min(low, 0.0) * 1.1, -1.0), min(max(high, 0.0) * 1.1, _WIDEST)
