"""The plots of the report, each of plain numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retain.manifest import Measured
from training.curves import Bin, Curve, Decile
from training.report.svg import (
    Frame,
    Scale,
    area,
    axes,
    bar,
    dot,
    drawing,
    legend,
    legend_rows,
    line,
    path,
    text,
    ticks,
)
from training.report.tags import Markup, capital

WIDTH = 420.0
_HEIGHT = 300.0
_LEFT, _RIGHT = 46.0, 20.0
_ROW = 22.0


@dataclass(frozen=True, slots=True)
class Series:
    """A named line; ``style`` is one of ours, blend, rule, year, seen or even."""

    name: str
    curve: Curve
    style: str = "ours"


@dataclass(frozen=True, slots=True)
class Row:
    """A named number with its interval."""

    name: str
    value: Measured
    style: str = "rule"


def lines(
    title: str,
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    *,
    x: tuple[float, float] = (0.0, 1.0),
    y: tuple[float, float] = (0.0, 1.0),
    diagonal: str = "",
    even: tuple[float, str] | None = None,
    x_percent: bool = True,
    y_percent: bool = True,
    x_names: Sequence[str] = (),
) -> Markup:
    """Lines in one frame, with an optional named diagonal or level of no skill.

    One without a name is drawn and not listed; one whose curve has an interval is shaded by it.
    """
    names = [(capital(one.name), f"line {one.style}") for one in series if one.name]
    names += [(capital(name), "line even") for name in (diagonal, even[1] if even else "") if name]
    frame, top = _frame(x, y, legend_rows(names, WIDTH))
    marks = axes(frame, x_label, y_label, x_percent=x_percent, y_percent=y_percent, x_names=x_names)
    if diagonal:
        ends = (frame.x.at(x[0]), frame.y.at(y[0])), (frame.x.at(x[1]), frame.y.at(y[1]))
        marks.append(line(*ends, "line even"))
    if even:
        at = frame.y.at(even[0])
        marks.append(line((frame.x.start, at), (frame.x.end, at), "line even"))
    marks += [shade for one in series for shade in _shade(frame, one)]
    for one in reversed(series):
        points = [
            (frame.x.at(a), frame.y.at(b)) for a, b in zip(one.curve.x, one.curve.y, strict=True)
        ]
        marks.append(path(points, f"line {one.style}"))
    marks += legend(names, WIDTH, top)
    said = "; ".join(f"{one.name} ends at {one.curve.y[-1]:.2f}" for one in series if one.name)
    description = f"{y_label} by {x_label}. {said}."
    return drawing(title, description, WIDTH, frame.height, *marks)


def intervals(
    title: str,
    rows: Sequence[Row],
    label: str,
    *,
    percent: bool = False,
    signed: bool = False,
    target: tuple[float, str] | None = None,
) -> Markup:
    """Numbers under each other, each with its 95 % interval, the own one marked.

    A named ``target`` is a line across all of them.
    """
    width, left, right = 470.0, 190.0, 58.0
    height = 30 + _ROW * len(rows) + 22
    targets = [target[0]] if target else []
    low = min(*(row.value.low for row in rows), *targets, *(row.value.value for row in rows))
    high = max(*(row.value.high for row in rows), *targets, *(row.value.value for row in rows))
    room = (high - low or 1.0) * 0.04
    scale = Scale(low - room, high + room, left, width - right)
    bottom = 12 + _ROW * len(rows)
    marks = []
    for value in ticks(scale.low, scale.high, 4):
        place = scale.at(value)
        marks.append(line((place, 8), (place, bottom), "grid"))
        marks.append(text((place, bottom + 14), _said(value, percent), "middle", "tick"))
    if target:
        place = scale.at(target[0])
        marks.append(line((place, 8), (place, bottom), "line even"))
        label = f"{label}; dotted: {target[1]}"
    for number, row in enumerate(rows):
        y = 8 + _ROW * (number + 0.5)
        ends = (scale.at(row.value.low), y), (scale.at(row.value.high), y)
        marks.append(text((left - 8, y + 4), capital(row.name), "end", f"label of-{row.style}"))
        marks.append(line(*ends, f"whisker {row.style}"))
        marks.append(
            dot((scale.at(row.value.value), y), 4.5, f"mark {row.style}", _interval(row.value))
        )
        said = _exact(row.value.value, percent=percent, signed=signed)
        marks.append(text((width - 4, y + 4), said, "end", f"tick of-{row.style}"))
    marks.append(text((width / 2, height - 4), capital(label), "middle"))
    description = "; ".join(f"{row.name} {_interval(row.value)}" for row in rows)
    return drawing(title, f"{label} with 95 % intervals: {description}.", width, height, *marks)


def reliability(title: str, groups: Mapping[str, tuple[Sequence[Bin], str]], what: str) -> Markup:
    """What was said against what came, group by group, with the interval of what came."""
    names = [(capital(name), f"line {style}") for name, (_, style) in groups.items()]
    names.append(("Perfect", "line even"))
    most = max(max(one.high, one.predicted) for bins, _ in groups.values() for one in bins)
    end = min(1.0, float(np.ceil(most * 10) / 10))
    frame, top = _frame((0.0, end), (0.0, end), legend_rows(names, WIDTH))
    marks = axes(frame, f"predicted {what}", f"observed {what}", x_percent=True, y_percent=True)
    corner = (frame.x.at(0), frame.y.at(0)), (frame.x.at(end), frame.y.at(end))
    marks.append(line(*corner, "line even"))
    for bins, style in reversed(list(groups.values())):
        points = [(frame.x.at(one.predicted), frame.y.at(one.observed)) for one in bins]
        for one, place in zip(bins, points, strict=True):
            ends = (place[0], frame.y.at(one.low)), (place[0], frame.y.at(one.high))
            marks.append(line(*ends, f"whisker {style}"))
            said = f"{one.rows:,} rows: predicted {one.predicted:.1%}, observed {one.observed:.1%}"
            marks.append(dot(place, 3.5, f"mark {style}", said))
        marks.append(path(points, f"line thin {style}"))
    marks += legend(names, WIDTH, top)
    said = "; ".join(
        f"{name}: " + ", ".join(f"{b.predicted:.0%} came to {b.observed:.0%}" for b in bins)
        for name, (bins, _) in groups.items()
    )
    return drawing(title, f"Groups of equal size. {said}.", WIDTH, frame.height, *marks)


def tenths(
    title: str, groups: Sequence[Decile], what: str, others: Mapping[str, Sequence[float]]
) -> Markup:
    """Predicted and observed mean of every tenth, the best predicted first.

    ``others`` are the means that baselines predict for the same customers, by style.
    """
    shown = [value for means in others.values() for value in means]
    shown += [value for one in groups for value in (one.predicted, one.observed, one.high)]
    most = max(shown) * 1.05 or 1.0
    least = min(0.0, *shown, *(one.low for one in groups))
    names = [("Retain predicted", "line ours"), ("Observed, with 95 % interval", "line seen")]
    names += [(f"{capital(style)} predicted", f"line {style}") for style in others]
    frame, top = _frame((0.0, float(len(groups))), (least, most), legend_rows(names, WIDTH))
    step = frame.x.at(1) - frame.x.at(0)
    zero = frame.y.at(0.0)
    marks = []
    for value in ticks(least, most):
        place = frame.y.at(value)
        marks.append(line((frame.x.start, place), (frame.x.end, place), "grid"))
        marks.append(text((frame.x.start - 5, place + 4), _said(value, False), "end", "tick"))
    for number, one in enumerate(groups):
        left = frame.x.at(number)
        for shift, value, style in ((0.1, one.predicted, "ours"), (0.5, one.observed, "seen")):
            y = frame.y.at(value)
            corner = left + step * shift, min(y, zero)
            said = f"tenth {number + 1}: {value:,.2f}"
            marks.append(bar(corner, step * 0.38, abs(zero - y), f"bar {style}", said))
        middle_of_bar = left + step * 0.69
        ends = (middle_of_bar, frame.y.at(one.low)), (middle_of_bar, frame.y.at(one.high))
        marks.append(line(*ends, "whisker seen"))
        for style, means in others.items():
            at = frame.y.at(means[number])
            marks.append(line((left + step * 0.06, at), (left + step * 0.92, at), f"line {style}"))
        under = left + step / 2, frame.y.start + 14
        marks.append(text(under, str(number + 1), "middle", "tick"))
    marks.append(line((frame.x.start, zero), (frame.x.end, zero), "axis"))
    middle = (frame.x.start + frame.x.end) / 2, frame.height - 4
    marks.append(text(middle, "Tenth of customers, best predicted first", "middle"))
    marks.append(text((4, 12), capital(what)))
    marks += legend(names, WIDTH, top)
    said = "; ".join(
        f"{number}: predicted {one.predicted:,.2f}, observed {one.observed:,.2f}"
        for number, one in enumerate(groups, start=1)
    )
    return drawing(title, f"{what} by tenth. {said}.", WIDTH, frame.height, *marks)


def bars(title: str, rows: Sequence[tuple[str, float]], what: str) -> Markup:
    """Shares under each other, the largest first."""
    width, left = 460.0, 190.0
    height = 8 + _ROW * len(rows) + 4
    most = max(value for _, value in rows) or 1.0
    scale = Scale(0.0, most, left, width - 52)
    marks = []
    for number, (name, value) in enumerate(rows):
        y = 6 + _ROW * number
        marks.append(text((left - 8, y + 14), capital(name), "end"))
        marks.append(bar((left, y + 3), scale.at(value) - left, _ROW - 7, "bar ours"))
        marks.append(text((scale.at(value) + 5, y + 14), f"{value:.0%}", class_="tick"))
    said = "; ".join(f"{name} {value:.1%}" for name, value in rows)
    return drawing(title, f"{what}: {said}.", width, height, *marks)


def _shade(frame: Frame, one: Series) -> list[Markup]:
    """The interval of a line, where it has one."""
    low, high = one.curve.low, one.curve.high
    if low is None or high is None:
        return []
    there = [(frame.x.at(a), frame.y.at(b)) for a, b in zip(one.curve.x, high, strict=True)]
    back = [(frame.x.at(a), frame.y.at(b)) for a, b in zip(one.curve.x, low, strict=True)]
    return [area([*there, *reversed(back)], f"band {one.style}")]


def _frame(x: tuple[float, float], y: tuple[float, float], rows: int) -> tuple[Frame, float]:
    """A frame under ``rows`` of legend, and where the legend begins."""
    top = 26 + 15.0 * rows
    height = _HEIGHT + 15.0 * (rows - 1)
    frame = Frame(Scale(*x, _LEFT, WIDTH - _RIGHT), Scale(*y, height - 36, top), WIDTH, height)
    return frame, 29.0


def _exact(value: float, *, percent: bool, signed: bool) -> str:
    if percent:
        return f"{value:+.1%}" if signed else f"{value:.1%}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


def _said(value: float, percent: bool) -> str:
    if percent:
        return f"{value * 100:.3g}%"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _interval(value: Measured) -> str:
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"
