"""How a run was judged, drawn: every cutoff on one line of time, its label window after it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from retain.clock import parse_utc
from training.report import terms
from training.report.facts import amount, currency_of
from training.report.parts import figure, pairs, paragraph, section
from training.report.svg import Scale, bar, drawing, line, text
from training.report.tags import Markup, capital, table

_WIDTH, _LEFT, _ROW = 640.0, 84.0, 16.0
_ROLES = {
    "fit": "fitted on, while rounds and shares are chosen",
    "validation": "rounds and shares are chosen on these",
    "holdout": "judged on these, once",
    "spare": "in the final fit only: their labels reach into the holdout's time",
}


def design_section(evaluation: Mapping[str, Any]) -> Markup:
    """The time split in words and as a drawing."""
    count = len(evaluation["holdout_cutoffs"])
    return section(
        "design",
        f"Judged on {count} later {'moment' if count == 1 else 'moments'}, never on what was "
        "fitted",
        paragraph(evaluation["split"]),
        figure("What was known, and what came", timeline(evaluation)),
    )


def timeline(evaluation: Mapping[str, Any]) -> Markup:
    """One row per cutoff: features know what is left of the mark, labels look right of it."""
    roles = {at: _role(at, evaluation) for at in evaluation["cutoffs"]}
    horizon = evaluation["horizon_days"]
    days = {at: _day(at) for at in roles}
    last = _day(evaluation["as_of"])
    first = min(days.values()) - max(30.0, 0.06 * (last - min(days.values())))
    scale = Scale(first, last, _LEFT, _WIDTH - 12)
    used = [role for role in _ROLES if role in roles.values()]
    top = 20.0
    bottom = top + _ROW * len(roles)
    height = bottom + 22 + 16 * len(used)
    marks = []
    for row, (at, role) in enumerate(sorted(roles.items())):
        y = top + _ROW * row
        place = scale.at(days[at])
        marks.append(text((_LEFT - 8, y + 11), at[:10], "end", "tick"))
        marks.append(line((_LEFT, y + 7), (place, y + 7), "grid"))
        wide = scale.at(days[at] + horizon) - place
        marks.append(bar((place, y + 2), wide, _ROW - 5, f"bar {role}", f"{at[:10]}: {role}"))
        marks.append(line((place, y), (place, y + _ROW - 1), "axis"))
    marks.append(line((scale.at(last), top - 6), (scale.at(last), bottom), "axis"))
    marks.append(text((_LEFT, 12), "Features know the past of each mark"))
    marks.append(text((_WIDTH - 12, 12), f"Trained {evaluation['as_of'][:10]}", "end"))
    for number, role in enumerate(used):
        y = bottom + 8 + 16 * number
        marks.append(bar((_LEFT, y), 18, 10, f"bar {role}"))
        marks.append(text((_LEFT + 24, y + 9), f"{capital(role)}: {_ROLES[role]}", class_="tick"))
    said = "; ".join(f"{at[:10]} {role}" for at, role in sorted(roles.items()))
    description = f"Cutoffs, each with a label window of {horizon} days after it: {said}."
    return drawing("Time split", description, _WIDTH, height, *marks)


def data_section(evaluation: Mapping[str, Any]) -> Markup:
    """Rows, dates, and who is not in them."""
    data = evaluation.get("data") or {}
    rows = [
        (
            one["as_of"][:10] + (" (holdout)" if one["holdout"] else ""),
            f"{one['rows']:,}",
            f"{one['left_share']:.1%}",
            f"{one['net_revenue']:,.0f}",
        )
        for one in data.get("cutoffs", [])
    ]
    known = {
        "Customers in any row": f"{data.get('customers', 0):,}",
        "Customers at the moment of training": f"{data.get('customers_now', 0):,}",
        "Orders": f"{data.get('orders', 0):,}",
        "History": f"{data.get('history_days', 0):,.0f} days",
        "Currency": currency_of(evaluation) or "not known",
        "Features offered": f"{data.get('features', 0):,}",
        "Excluded as abnormal": f"{data.get('excluded', 0):,}",
        "Withdrew consent": f"{data.get('withdrawn_consent', 0):,}",
        "Share of customers drawn": f"{data.get('drawn_share', 1):.0%}",
    }
    header = (
        "cutoff",
        "rows",
        "left within the horizon",
        amount("net revenue that came", currency_of(evaluation)),
    )
    kept = [
        paragraph(f"{terms.head(name)}: no model. {reason}", soft=True)
        for name, reason in evaluation["skipped"].items()
    ]
    return section(
        "data",
        f"Learned from {data.get('customers', 0):,} customers and "
        f"{data.get('history_days', 0):,.0f} days of history",
        pairs(known),
        table(header, rows, "Rows by cutoff") if rows else "",
        *kept,
    )


def _role(at: str, evaluation: Mapping[str, Any]) -> str:
    if at in evaluation["holdout_cutoffs"]:
        return "holdout"
    if at in evaluation.get("validation_cutoffs", []):
        return "validation"
    return "fit" if at in evaluation.get("fit_cutoffs", []) else "spare"


def _day(at: str) -> float:
    moment: datetime = parse_utc(at, field="as_of")
    return moment.timestamp() / 86_400
