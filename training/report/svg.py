"""A small SVG module: scales, axes and marks, drawn by hand so that a page needs nothing else.

Colours and fonts are classes of the page's style, so that one drawing is read in light, in dark
and on paper. Every drawing has a title and a description for who cannot see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil, floor, isfinite, log10

from training.report.tags import Markup, capital, tag

Point = tuple[float, float]

_WIDE = 500.0


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from values to places on the drawing."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where ``value`` is drawn; beyond the ends it is drawn at the end."""
        if self.high == self.low:
            return (self.start + self.end) / 2
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Frame:
    """The area of a plot: its scales, and room around it for what is written."""

    x: Scale
    y: Scale
    width: float
    height: float


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """About ``wanted`` round values from ``low`` to ``high``: 1, 2 or 5 times a power of ten."""
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return [low]
    rough = (high - low) / max(wanted, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(f * power for f in (1.0, 2.0, 5.0, 10.0) if f * power >= rough * 0.999)
    first = ceil(low / step - 1e-9)
    last = floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]


def short(value: float) -> str:
    """A number as an axis writes it: 0.5, 1,200 or 3.4M."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def drawing(title: str, description: str, width: float, height: float, *marks: Markup) -> Markup:
    """The ``svg`` element with its text alternative."""
    name = "d" + blake2b(f"{title}{description}".encode(), digest_size=5).hexdigest()
    return tag(
        "svg",
        tag("title", title, id=f"{name}t"),
        tag("desc", description, id=f"{name}d"),
        *marks,
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{name}t {name}d",
        class_="plot wide" if width > _WIDE else "plot",
    )


def text(at: Point, content: str, anchor: str = "start", class_: str = "label") -> Markup:
    """A word at a place."""
    return tag("text", content, x=at[0], y=at[1], text_anchor=anchor, class_=class_)


def line(start: Point, end: Point, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], class_=class_)


def path(points: Sequence[Point], class_: str) -> Markup:
    """A line through points."""
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return tag("polyline", points=steps, class_=class_)


def area(points: Sequence[Point], class_: str) -> Markup:
    """A filled area round points."""
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return tag("polygon", points=corners, class_=class_)


def dot(at: Point, radius: float, class_: str, label: str = "") -> Markup:
    """A point, with what a reader is told who rests on it."""
    inside = [tag("title", label)] if label else []
    return tag("circle", *inside, cx=at[0], cy=at[1], r=radius, class_=class_)


def bar(corner: Point, width: float, height: float, class_: str, label: str = "") -> Markup:
    """A filled rectangle."""
    inside = [tag("title", label)] if label else []
    size = {"width": max(width, 0.0), "height": max(height, 0.0)}
    return tag("rect", *inside, x=corner[0], y=corner[1], class_=class_, **size)


def axes(
    frame: Frame,
    x_label: str,
    y_label: str,
    *,
    x_percent: bool = False,
    y_percent: bool = False,
    x_names: Sequence[str] = (),
) -> list[Markup]:
    """Grid, numbers and names of both axes; ``x_names`` stand at 1, 2, 3 … in place of numbers."""
    x, y = frame.x, frame.y
    marks = []
    numbers = {value: _number(value, x_percent) for value in ticks(x.low, x.high)}
    for value, name in (dict(enumerate(x_names, start=1)) if x_names else numbers).items():
        place = x.at(value)
        marks.append(line((place, y.start), (place, y.end), "grid"))
        marks.append(text((place, y.start + 14), name, "middle", "tick"))
    for value in ticks(y.low, y.high):
        place = y.at(value)
        marks.append(line((x.start, place), (x.end, place), "grid"))
        marks.append(text((x.start - 5, place + 4), _number(value, y_percent), "end", "tick"))
    marks.append(line((x.start, y.start), (x.end, y.start), "axis"))
    marks.append(line((x.start, y.start), (x.start, y.end), "axis"))
    marks.append(text(((x.start + x.end) / 2, frame.height - 4), capital(x_label), "middle"))
    marks.append(text((4, 12), capital(y_label)))
    return marks


def legend(names: Sequence[tuple[str, str]], width: float, top: float) -> list[Markup]:
    """Names beside the mark of each, (name, class), as many to a row as there is room."""
    marks, left = [], 46.0
    for name, class_ in names:
        need = 26 + 6.2 * len(name)
        if left + need > width and left > 46.0:
            left, top = 46.0, top + 15
        marks.append(line((left, top - 4), (left + 16, top - 4), class_))
        marks.append(text((left + 20, top), name, class_="tick"))
        left += need
    return marks


def legend_rows(names: Sequence[tuple[str, str]], width: float) -> int:
    """How many rows :func:`legend` needs."""
    rows, left = 1, 46.0
    for name, _ in names:
        need = 26 + 6.2 * len(name)
        if left + need > width and left > 46.0:
            rows, left = rows + 1, 46.0
        left += need
    return rows


def _number(value: float, percent: bool) -> str:
    return f"{value * 100:.3g}%" if percent else short(value)
