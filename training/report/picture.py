"""A picture: one plot as an SVG file that stands by itself, in a guide for example."""

from pathlib import Path

from training.report.tags import Markup

_STYLE = Path(__file__).parent / "style.css"
_OF_A_PLOT = (":root", "--", "@media (prefers", "svg", ".grid", ".axis", ".line", ".whisker",
              ".mark", ".bar", ".band")  # fmt: skip


def standalone(plot: Markup) -> str:
    """``plot`` with its name space and the part of the page's style it needs."""
    head, rest = plot.split(">", 1)
    named = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{named}><style><![CDATA[\n{_style()}]]></style>{rest}\n"


def _style() -> str:
    lines = _STYLE.read_text("utf-8").splitlines()
    kept = [line for line in lines if line.lstrip().startswith(_OF_A_PLOT)]
    return "\n".join(kept) + "\n"
