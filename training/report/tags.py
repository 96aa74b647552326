"""HTML and SVG as text, with every value escaped; nothing here knows what a report is."""

from collections.abc import Sequence
from html import escape


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


Content = str | Markup


def tag(name: str, /, *content: Content, **attributes: str | float | None) -> Markup:
    """An element; ``class_`` and ``aria_label`` are written as HTML spells them."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not content and name in _VOID:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{joined(*content)}</{name}>")


def joined(*content: Content) -> Markup:
    """Several parts as one; plain text is escaped."""
    return Markup("".join(one if isinstance(one, Markup) else escape(one) for one in content))


def capital(content: Content) -> Content:
    """A text as a heading begins; markup stays as it is."""
    if isinstance(content, Markup):
        return content
    return content[:1].upper() + content[1:]


def table(
    header: Sequence[Content],
    rows: Sequence[Sequence[Content]],
    caption: str = "",
    *,
    words: int = 1,
) -> Markup:
    """A table whose first column names the rows; it scrolls by itself where it is too wide.

    The first ``words`` columns are words and stand to the left.
    """
    kinds = ["name" if 0 < at < words else None for at in range(len(header))]
    head = tag(
        "tr",
        *(
            tag("th", capital(cell), scope="col", class_=kind)
            for cell, kind in zip(header, kinds, strict=True)
        ),
    )
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, class_=k) for cell, k in zip(row[1:], kinds[1:], strict=True)),
        )
        for row in rows
    ]
    parts = [tag("caption", caption)] if caption else []
    whole = tag("table", *parts, tag("thead", head), tag("tbody", *body))
    return tag("div", whole, class_="scroll")


def _plain(value: str | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


_VOID = frozenset({"line", "rect", "circle", "path", "polyline", "polygon", "meta", "br", "hr"})
