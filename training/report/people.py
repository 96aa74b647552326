"""Sections about parts of the customers: slices, and who is treated how."""

from collections.abc import Sequence

import numpy as np

from retain.errors import InvalidInput
from training import slices
from training.report.facts import ASKED, HEADLINE, SEED, HeadFacts
from training.report.parts import bounds, paragraph, section
from training.report.tags import Content, Markup, table, tag
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
        header = ("part", "rows", "predicted", "observed", "off by", _metric_title(one))
        body += [tag("h3", one.title.split(":")[0]), table(header, rows)]
    return section("slices", _finding(fair), *body, *_fairness(fair, sensitive))


def _metric_title(one: HeadFacts) -> str:
    return f"{ASKED[one.head][HEADLINE[one.head]].title} [95 %]"


def _row(head: str, name: str, part: Slice) -> tuple[Content, ...]:
    money = head == "ltv"
    said, came = (
        f"{value:,.1f}" if money else f"{value:.1%}" for value in (part.predicted, part.observed)
    )
    off = part.predicted - part.observed
    word = f"{off / part.observed:+.0%}" if money and part.observed else f"{off:+.1%}"
    measured = "" if part.metric is None else bounds(part.metric)
    return f"{name}: {part.name}", f"{part.rows:,}", said, came, word, measured


def _finding(fair: Sequence[tuple[str, str, Sequence[Slice]]]) -> str:
    wide = [
        f"{head} by {name}"
        for head, name, found in fair
        if head != "ltv" and slices.unequal(found)[0] > WIDE_ERROR
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
        error, flag = slices.unequal(found)
        rows += [
            (
                f"{head}, {name}: {one.name}",
                f"{one.rows:,}",
                f"{one.flagged:.1%}",
                f"{one.missed:.1%}" if np.isfinite(one.missed) else "",
                f"{one.predicted - one.observed:+.1%}",
            )
            for one in found
        ]
        verdict = "wide" if error > WIDE_ERROR or flag > WIDE_FLAG else "narrow"
        rows.append((f"{head}, {name}: widest gap", "", f"{flag:.1%}", verdict, f"{error:.1%}"))
    named = ", ".join(sensitive) if sensitive else "none declared; country is shown"
    intro = paragraph(
        f"Sensitive attributes: {named}. Flagged are the fifth of all customers with the highest "
        "score; missed are those of a part to whom it happened and who were not flagged; the "
        f"error is predicted less observed. A gap above {WIDE_ERROR:.0%} in the error or "
        f"{WIDE_FLAG:.0%} in who is flagged is called wide. A difference in flags may be a "
        "difference in behaviour: read it with the error beside it."
    )
    if not rows:
        return [intro]
    header = ("head and part", "rows", "flagged", "missed", "error")
    return [tag("h3", "Fairness"), intro, table(header, rows)]
