"""The sections of the heads: what each predicts, and every number beside its baselines."""

import numpy as np

from training import curves
from training.baselines import BLEND
from training.comparisons import Standing
from training.report import judged, money, ranking
from training.report.facts import ASKED, HeadFacts, measured
from training.report.parts import (
    beside,
    bounds,
    figure,
    paragraph,
    plots,
    rival,
    section,
    verdict,
)
from training.report.plots import Series, lines, reliability
from training.report.tags import Content, Markup, capital, joined, table, tag


def head_section(facts: HeadFacts, *more: Markup) -> Markup:
    """Everything about one head."""
    entry = facts.entry
    body: list[Content] = [
        paragraph(
            f"Predicts {entry['label']}. Asked of {entry['population']}. "
            f"Learned from {entry['rows']:,} rows of a customer at a cutoff, judged on "
            f"{len(facts.truth):,} later ones. Model ",
            tag("code", entry["model"]),
            ".",
        ),
        paragraph(f"Grade {facts.grade.letter}: {facts.grade.reason}."),
        *_plots_of(facts),
        _numbers(facts),
        judged.numbers(
            entry, "Every number the run recorded, beside the head's rules", folded=True
        ),
        *(paragraph(note, soft=True) for note in entry["notes"]),
        *more,
    ]
    return section(facts.head, facts.title, *body)


def _plots_of(facts: HeadFacts) -> list[Markup]:
    compared = [
        beside(
            _finding(asked.title, facts.standings[name], percent=name == "level"),
            facts.standings[name],
            f"{asked.title}, with 95 % intervals",
            percent=name == "level",
        )
        for name, asked in ASKED[facts.head].items()
    ]
    if facts.head == "ltv":
        return [plots(*compared, *money.figures(facts))]
    survival = [_survival(facts)] if facts.head == "next_purchase" else []
    return [plots(*compared, _reliability(facts), *survival, *ranking.figures(facts))]


def _finding(title: str, standing: Standing, *, percent: bool = False) -> str:
    """``AUC 0.761, behind the blend by 0.008``."""
    form = "{:+.1%}" if percent else "{:.3f}"
    title = title.partition(" (")[0]
    found = f"{title} {form.format(standing.ours.value)}"
    blend = standing.baselines.get(BLEND)
    if blend is None:
        return found
    difference = blend.difference
    if difference.low > 0:
        return f"{found}, ahead of the blend by {form.format(difference.value).lstrip('+')}"
    if difference.high < 0:
        return f"{found}, behind the blend by {form.format(-difference.value).lstrip('+')}"
    return f"{found}, not told apart from the blend"


def _reliability(facts: HeadFacts) -> Markup:
    ece = facts.standings["ece"].ours
    groups: dict[str, tuple[list[curves.Bin], str]] = {
        "Retain": (curves.reliability(facts.truth, facts.score), "ours")
    }
    if BLEND in facts.rivals:
        groups["blend"] = (curves.reliability(facts.truth, facts.rivals[BLEND]), "blend")
    word = "meant as said" if ece.value <= 0.05 else "NOT calibrated at this season"
    title = f"Probabilities {word}: ECE {ece.value:.3f}"
    return figure(
        title,
        reliability(title, groups, "share"),
        f"Ten groups of equal size; expected calibration error {bounds(ece)}.",
    )


def _survival(facts: HeadFacts) -> Markup:
    said = _said_by_day(facts)
    found = curves.survival(facts.held["days_to_order"], said)
    # the groups of one kind are one line of the legend
    series = [
        Series(name if first else "", curve, style)
        for first, group in zip((True, *[False] * len(found)), found, strict=False)
        for name, curve, style in zip(
            ("predicted", "observed"), group, ("ours", "seen"), strict=True
        )
    ]
    worst = max(float(np.abs(one.y - other.y).max()) for one, other in found)
    high = max(float(one.curve.y.max()) for one in series)
    title = f"Of four groups, the curve is off by {worst:.0%} at most"
    plot = lines(
        title,
        series,
        "days after the moment of scoring",
        "share who ordered",
        x=(0.0, float(max(said))),
        y=(0.0, min(1.0, high * 1.1)),
        x_percent=False,
    )
    covered = [
        (word, measured(facts.entry["metrics"][name]))
        for word in ("before", "after")
        for name in [f"ordered_{word}_interval"]
        if name in facts.entry["metrics"]
    ]
    shares = ", ".join(f"{word} it {bounds(one, percent=True)}" for word, one in covered)
    note = (
        "Customers in four groups of equal size by their chance of an order; shaded: 95 % interval "
        "of what was observed."
        + (f" 80 % interval of the date: ordered {shares}; 10 % each is right." if shares else "")
    )
    return figure(title, plot, note)


def _said_by_day(facts: HeadFacts) -> dict[int, np.ndarray]:
    prefix = "retain.by_"
    return {
        int(name.removeprefix(prefix).removesuffix("d")): column
        for name, column in facts.held.items()
        if name.startswith(prefix)
    }


def _numbers(facts: HeadFacts) -> Markup:
    rows: list[tuple[Content, ...]] = []
    for name, asked in ASKED[facts.head].items():
        standing, percent = facts.standings[name], name == "level"
        rows.append((asked.title, "Retain", bounds(standing.ours, percent=percent), "", ""))
        for who, one in standing.baselines.items():
            told = one.difference
            values = (bounds(each, percent=percent) for each in (one.value, told))
            rows.append(("", capital(rival(who)), *values, verdict(told)))
    header = ("metric", "who", "value [95 %]", "Retain better by [95 %]", "verdict")
    whole = table(header, rows, "Every number, with paired differences", words=2)
    return joined(whole, money.by_tenth(facts)) if facts.head == "ltv" else whole
