"""An HTML page that needs nothing but itself: the parts of a report under its style."""

from collections.abc import Sequence
from importlib import resources

from training.report.tags import Markup, tag


def document(title: str, parts: Sequence[Markup | None]) -> str:
    """The page as text; parts that are None are left out."""
    style = resources.files("training.report").joinpath("style.css").read_text("utf-8")
    head = tag(
        "head",
        Markup('<meta charset="utf-8"/>'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    body = tag("body", tag("main", *(part for part in parts if part is not None)))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"
