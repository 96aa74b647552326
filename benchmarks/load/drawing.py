"""The comparison as a picture: requests a second and 99th percentiles, on logarithmic scales."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from load.cases import Summary

ROWS = {
    "echo": "bare uvicorn echo",
    "mount": "empty mount in BentoML",
    "heads": "Retain: three heads",
    "preview": "Retain: with the decision",
    "everything": "Retain: with items as well",
    "fastapi_threads": "FastAPI + Feast + LightGBM",
    "fastapi_limited": "the same, one thread",
    "fastapi": "the same, blocking its loop",
    "bento": "BentoML + Feast + LightGBM",
}
_OURS = ("heads", "preview", "everything")
_ROW, _TOP, _LEFT, _WIDTH, _GAP = 26, 30, 190, 190, 76
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --rule: #d9dfe7;
  --ours: #1f5fd0; --dumb: #6a7482; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #a2adbb; --rule: #313a46;
  --ours: #7fb0ff; --dumb: #94a0af; } }
svg.plot { width: 100%; max-width: 46rem; height: auto; display: block; }
svg text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--ink); }
svg .tick { font-size: 11px; fill: var(--soft); }
svg .of-ours { fill: var(--ours); font-weight: 600; }
.grid { stroke: var(--rule); stroke-width: 1; }
.bar { fill: var(--dumb); } .bar.ours { fill: var(--ours); }
"""


def draw(found: Mapping[str, Summary]) -> str:
    """An SVG file of the cases for one customer that were measured."""
    rows = [name for name in ROWS if name in found]
    height = _TOP + _ROW * len(rows) + 28
    width = _LEFT + 2 * (_WIDTH + _GAP)
    marks = [
        f'<text x="{_LEFT - 8}" y="{_middle(place)}" text-anchor="end"'
        f"{_class(name, 'of-')}>{escape(ROWS[name])}</text>"
        for place, name in enumerate(rows)
    ]
    marks += _panel(_LEFT, "requests a second", rows, [found[one].rate for one in rows])
    second = _LEFT + _WIDTH + _GAP
    marks += _panel(second, "99th percentile, ms", rows, [found[one].p99 for one in rows])
    said = "; ".join(
        f"{ROWS[one]}: {found[one].rate:,.0f} a second, p99 {found[one].p99:,.1f} ms"
        for one in rows
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-labelledby="t d" class="plot"><style><![CDATA[{_STYLE}]]></style>'
        f'<title id="t">One customer, eight connections, one worker each</title>'
        f'<desc id="d">{escape(said)}.</desc>{"".join(marks)}</svg>\n'
    )


def _panel(left: int, title: str, rows: Sequence[str], values: Sequence[float]) -> list[str]:
    low = math.floor(math.log10(min(values)))
    high = max(math.ceil(math.log10(max(values))), low + 1)
    bottom = _TOP + _ROW * len(rows)

    def at(value: float) -> float:
        return round(left + _WIDTH * (math.log10(value) - low) / (high - low), 1)

    marks = [f'<text x="{left}" y="14">{title}</text>']
    for power in range(low, high + 1):
        place = at(10.0**power)
        marks.append(
            f'<line x1="{place}" y1="{_TOP - 6}" x2="{place}" y2="{bottom}" class="grid"/>'
        )
        marks.append(
            f'<text x="{place}" y="{bottom + 16}" text-anchor="middle" class="tick">'
            f"{10.0**power:,g}</text>"
        )
    for place, (name, value) in enumerate(zip(rows, values, strict=True)):
        end, top = at(value), _TOP + _ROW * place + 4
        style = "bar ours" if name in _OURS else "bar"
        marks.append(
            f'<rect x="{left}" y="{top}" width="{round(max(end - left, 1), 1)}" '
            f'height="{_ROW - 8}" rx="2" class="{style}"/>'
        )
        marks.append(
            f'<text x="{end + 5}" y="{_middle(place)}"{_class(name, "of-")}>{_short(value)}</text>'
        )
    return marks


def _middle(place: int) -> float:
    return _TOP + _ROW * place + _ROW / 2 + 4


def _class(name: str, prefix: str) -> str:
    return f' class="{prefix}ours"' if name in _OURS else ""


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:,.1f}"
