"""Sections about parts of the customers: slices, and who is treated how."""

from collections.abc import Sequence

import numpy as np

from retain.errors import InvalidInput
from training import slices
from training.report import terms
from training.report.facts import ASKED, HEADLINE, SEED, HeadFacts, amount
from training.report.parts import bounds, paragraph, section
from training.report.tags import Content, Markup, capital, table, tag
from training.slices import Slice

WIDE_ERROR, WIDE_FLAG = 0.1, 0.2


def slices_section(facts: Sequence[HeadFacts], sensitive: Sequence[str]) -> Markup:
    """Every head in every part, then the fairness table.

    Raises:
        InvalidInput: a sensitive attribute was not kept with the run.
    """
    for one in facts:
        for name in sensitive:
            if name not in one.held:
                raise InvalidInput(
                    f"{name!r} was not kept with this run",
                    remedy="declare it under `sensitive` in training.yaml, and train again",
                    field="--sensitive",
                )
    body: list[Content] = []
    fair: list[tuple[str, str, list[Slice]]] = []
    for one in facts:
        rows: list[tuple[Content, ...]] = []
        for name, part in slices.parts(one.held, sensitive).items():
            asked = ASKED[one.head][HEADLINE[one.head]]
            found = slices.slices(
                part,
                asked.metric,
                one.truth,
                one.score,
                customers=one.held["customer_id"],
                seed=SEED,
            )
            rows += [_row(one.head, name, each) for each in found]
            if name == "country" or name in sensitive:
                fair.append((one.head, name, found))
        header = (
            "part",
            "rows",
            _unit("predicted", one),
            _unit("observed", one),
            _unit("off by [95 %]", one),
            _metric_title(one),
        )
        body += [tag("h3", one.title.split(":")[0]), table(header, rows)]
    return section("slices", _finding(fair), *body, *_fairness(fair, sensitive))


def _unit(what: str, one: HeadFacts) -> str:
    return amount(what, one.currency) if one.head == "ltv" else what


def _metric_title(one: HeadFacts) -> str:
    return f"{ASKED[one.head][HEADLINE[one.head]].title} [95 %]"


def _row(head: str, name: str, part: Slice) -> tuple[Content, ...]:
    money = head == "ltv"
    said, came = (
        f"{value:,.1f}" if money else f"{value:.1%}" for value in (part.predicted, part.observed)
    )
    off = bounds(part.error, percent=not money, signed=True, digits=1 if money else None)
    measured = "" if part.metric is None else bounds(part.metric)
    return (
        f"{capital(name.replace('_', ' '))}: {part.name}",
        f"{part.rows:,}",
        said,
        came,
        off,
        measured,
    )


def _finding(fair: Sequence[tuple[str, str, Sequence[Slice]]]) -> str:
    wide = [
        f"{terms.head(head)} by {name.replace('_', ' ')}"
        for head, name, found in fair
        if head != "ltv" and slices.unequal(found).error > WIDE_ERROR
    ]
    if wide:
        return "Parts of the customers: unequally calibrated for " + ", ".join(wide)
    return "Parts of the customers: where the heads hold, and where less"


def _fairness(
    fair: Sequence[tuple[str, str, Sequence[Slice]]], sensitive: Sequence[str]
) -> list[Markup]:
    rows: list[tuple[Content, ...]] = []
    for head, name, found in fair:
        if head == "ltv" or len(found) < 2:
            continue
        gaps = slices.unequal(found)
        what = f"{terms.head(head)}, {name.replace('_', ' ')}"
        rows += [
            (
                f"{what}: {one.name}",
                f"{one.rows:,}",
                f"{one.flagged:.1%}",
                f"{one.missed:.1%}" if np.isfinite(one.missed) else "",
                bounds(one.error, percent=True, signed=True),
                "",
            )
            for one in found
        ]
        wide = gaps.error > WIDE_ERROR or gaps.flagged > WIDE_FLAG
        ends = (tag("b", f"{each:.1%}") for each in (gaps.flagged, gaps.missed, gaps.error))
        word = tag("b", "wide" if wide else "narrow", class_="look" if wide else "good")
        rows.append((tag("b", f"{what}: widest gap"), "", *ends, word))
    named = ", ".join(map(terms.feature, sensitive)) or "none declared; country is shown"
    intro = paragraph(
        f"Sensitive attributes: {named}. Flagged are the fifth of all customers with the highest "
        "score; missed are those of a part to whom it happened and who were not flagged; the "
        f"error is predicted less observed. A gap above {WIDE_ERROR:.0%} in the error or "
        f"{WIDE_FLAG:.0%} in who is flagged is called wide. A difference in flags may be a "
        "difference in behaviour: read it with the error beside it."
    )
    if not rows:
        return [intro]
    header = ("head and part", "rows", "flagged", "missed", "error [95 %]", "gap")
    return [tag("h3", "Fairness"), intro, table(header, rows)]
