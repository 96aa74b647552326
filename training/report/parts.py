"""Pieces every section is made of: numbers as they are read, figures, sections."""

from collections.abc import Mapping, Sequence

from retain.manifest import Measured
from training.baselines import LAST_YEAR, TITLES
from training.comparisons import Standing
from training.report.plots import Row, intervals
from training.report.tags import Content, Markup, tag

OURS = "Retain"
_STYLES = {"blend": "blend"}


def section(name: str, title: str, *content: Content) -> Markup:
    """A part of the page with a heading that says what was found."""
    return tag("section", tag("h2", title), *content, id=name)


def figure(title: str, plot: Markup, note: str = "") -> Markup:
    """A plot under its finding."""
    parts = [tag("h3", title), plot]
    if note:
        parts.append(tag("figcaption", note))
    return tag("figure", *parts)


def plots(*figures: Markup) -> Markup:
    """Figures side by side, where there is room."""
    return tag("div", *figures, class_="plots")


def paragraph(*content: Content, soft: bool = False) -> Markup:
    """A paragraph."""
    return tag("p", *content, class_="soft" if soft else None)


def grade_mark(letter: str) -> Markup:
    """The letter of a grade in its colour."""
    return tag("span", letter, class_=f"grade {letter}")


def bounds(value: Measured, *, percent: bool = False) -> str:
    """A number with its interval."""
    parts = (value.value, value.low, value.high)
    if percent:
        number, low, high = (f"{part:.1%}" for part in parts)
    else:
        digits = 3 if abs(value.value) < 10 else 1
        number, low, high = (f"{part:,.{digits}f}" for part in parts)
    return f"{number} [{low}, {high}]"


def rival(name: str) -> str:
    """How a baseline is called on the page."""
    return "last year's level" if name == LAST_YEAR else TITLES.get(name, name.replace("_", " "))


def beside(title: str, standing: Standing, label: str, *, percent: bool = False) -> Markup:
    """Retain and every baseline in one plot, with intervals."""
    rows = [Row(OURS, standing.ours, "ours")]
    rows += [
        Row(rival(name), one.value, _STYLES.get(name, "other"))
        for name, one in standing.baselines.items()
    ]
    return figure(title, intervals(title, rows, label, percent=percent))


def verdicts(rows: Sequence[tuple[bool | None, str]]) -> Markup:
    """What was asked and whether it is so, one line each."""
    words = {True: ("met", "good"), False: ("missed", "bad"), None: ("look", "look")}
    items = [
        tag("li", tag("b", words[met][0], class_=words[met][1]), " ", sentence)
        for met, sentence in rows
    ]
    return tag("ul", *items, class_="verdict")


def pairs(values: Mapping[str, Content]) -> Markup:
    """Names and values."""
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", value, class_="words"))
        for name, value in values.items()
    ]
    return tag("div", tag("table", tag("tbody", *rows)), class_="scroll")
