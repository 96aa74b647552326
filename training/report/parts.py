"""Pieces every section is made of: numbers as they are read, figures, sections."""

from collections.abc import Mapping, Sequence

from retain.manifest import Measured
from training.baselines import LAST_YEAR, TITLES
from training.comparisons import Standing
from training.report.plots import Row, intervals
from training.report.tags import Content, Markup, capital, tag

OURS = "Retain"
_STYLES = {"blend": "blend"}


def section(name: str, title: str, *content: Content) -> Markup:
    """A part of the page with a heading that says what was found."""
    return tag("section", tag("h2", capital(title)), *content, id=name)


def figure(title: str, plot: Markup, note: str = "") -> Markup:
    """A plot under its finding."""
    parts = [tag("h3", capital(title)), plot]
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


def bounds(
    value: Measured, *, percent: bool = False, signed: bool = False, digits: int | None = None
) -> str:
    """A number with its interval; without ``digits`` a small number has three, a large one one."""
    digits = digits if digits is not None else 3 if abs(value.value) < 10 else 1
    form = f"{'+' if signed else ''}{'.1%' if percent else f',.{digits}f'}"
    number, low, high = (format(part, form) for part in (value.value, value.low, value.high))
    return f"{number} [{low}, {high}]"


def rival(name: str) -> str:
    """How a baseline is called on the page."""
    return "last year's level" if name == LAST_YEAR else TITLES.get(name, name.replace("_", " "))


def verdict(difference: Measured) -> str:
    """What a paired difference says, positive where Retain is better."""
    return "better" if difference.low > 0 else "worse" if difference.high < 0 else "not told apart"


def folded(title: str, *content: Content) -> Markup:
    """What is there for who wants it all."""
    return tag("details", tag("summary", title), *content)


def beside(title: str, standing: Standing, label: str, *, percent: bool = False) -> Markup:
    """Retain and every baseline in one plot, with intervals."""
    rows = [Row(OURS, standing.ours, "ours")]
    rows += [
        Row(rival(name), one.value, _STYLES.get(name, "rule"))
        for name, one in standing.baselines.items()
    ]
    return figure(title, intervals(title, rows, label, percent=percent, signed=percent))


def verdicts(rows: Sequence[tuple[bool | None, str]], *, met: str = "met") -> Markup:
    """What was asked and whether it is so, one line each."""
    words = {True: (met, "good"), False: ("missed", "bad"), None: ("look", "look")}
    items = [
        tag("li", tag("b", words[so][0], class_=words[so][1]), tag("span", sentence))
        for so, sentence in rows
    ]
    return tag("ul", *items, class_="verdict")


def pairs(values: Mapping[str, Content]) -> Markup:
    """Names and values."""
    rows = [
        tag("tr", tag("th", capital(name), scope="row"), tag("td", value, class_="words"))
        for name, value in values.items()
    ]
    return tag("div", tag("table", tag("tbody", *rows)), class_="scroll")
