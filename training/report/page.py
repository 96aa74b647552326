"""The page: a summary, the sections, and how to read them; nothing outside the file is needed."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from training.grades import RULE
from training.report.design import data_section, design_section
from training.report.document import document
from training.report.facts import TITLE, HeadFacts, place
from training.report.heads import head_section
from training.report.months import rolling_section
from training.report.parts import bounds, grade_mark, paragraph, section, verdicts
from training.report.people import slices_section
from training.report.reading import (
    importance_section,
    items_section,
    leaks_section,
    reasons_section,
    response_section,
)
from training.report.tags import Markup, joined, tag
from training.report.truth import truth_section

_LINKS = {
    "churn": "Churn",
    "next_purchase": "Next purchase",
    "ltv": "LTV",
    "rolling": "Rolling cutoffs",
    "slices": "Parts",
    "leaks": "Leakage",
    "data": "Data",
}


def render(
    evaluation: Mapping[str, Any],
    facts: Sequence[HeadFacts],
    *,
    rolling: Mapping[str, Any] | None = None,
    truth: pa.Table | None = None,
    sensitive: Sequence[str] = (),
) -> str:
    """The whole page as text."""
    parts = [
        _summary(evaluation, facts, rolling),
        design_section(evaluation),
        *(head_section(one) for one in facts),
        items_section(evaluation),
        rolling_section(rolling) if rolling else _no_rolling(),
        truth_section(facts, truth) if truth is not None else None,
        slices_section(facts, sensitive) if facts else None,
        importance_section(evaluation),
        reasons_section(evaluation),
        response_section(evaluation),
        leaks_section(evaluation),
        data_section(evaluation),
        _method(),
    ]
    return document(f"Retain: evaluation of run {evaluation['run_id']}", parts)


def _summary(
    evaluation: Mapping[str, Any],
    facts: Sequence[HeadFacts],
    rolling: Mapping[str, Any] | None,
) -> Markup:
    links = [
        tag("a", word, href=f"#{name}")
        for name, word in _LINKS.items()
        if name in {one.head for one in facts} or name in {"rolling", "slices", "leaks", "data"}
    ]
    return tag(
        "header",
        tag("h1", _headline(facts)),
        paragraph(
            f"Training run {evaluation['run_id']}, on what was known at "
            f"{evaluation['as_of'][:10]}; labels of {evaluation['horizon_days']} days. Every "
            "number is from customers and moments the judged models did not learn from, with its "
            "95 % interval over resampled customers.",
            soft=True,
        ),
        tag("nav", *links),
        tag("div", *(_card(one) for one in facts), *_skipped(evaluation), class_="cards"),
        *([_rolled(rolling)] if rolling else []),
    )


def _headline(facts: Sequence[HeadFacts]) -> str:
    if not facts:
        return "No head could be judged"
    losing = [TITLE[one.head] for one in facts if one.grade.letter == "C"]
    if losing:
        return "Not better than their dumb rule: " + ", ".join(losing)
    grades = ", ".join(f"{TITLE[one.head]} {one.grade.letter}" for one in facts)
    return f"Every score beats its dumb rule: {grades}"


def _card(facts: HeadFacts) -> Markup:
    asked, standing = facts.headline
    return tag(
        "div",
        tag("h3", TITLE[facts.head], grade_mark(facts.grade.letter)),
        tag("p", f"{asked.title} {bounds(standing.ours)}"),
        tag("p", f"{place(standing)}."),
        tag("p", f"{facts.grade.reason}.", class_="soft"),
        class_="card",
    )


def _skipped(evaluation: Mapping[str, Any]) -> list[Markup]:
    return [
        tag(
            "div",
            tag("h3", TITLE.get(name, name.replace("_", " "))),
            tag("p", f"No model: {reason}", class_="soft"),
            class_="card",
        )
        for name, reason in evaluation["skipped"].items()
        if name in TITLE
    ]


def _rolled(rolling: Mapping[str, Any]) -> Markup:
    bars = rolling["verdict"]["bars"]
    missed = [bar["sentence"] for bar in bars if not bar["met"]]
    if not missed:
        return paragraph(f"Rolling cutoffs: all {len(bars)} bars are met.")
    return joined(
        paragraph(f"Rolling cutoffs: {len(missed)} of {len(bars)} bars missed."),
        verdicts([(False, sentence) for sentence in missed]),
    )


def _no_rolling() -> Markup:
    return section(
        "rolling",
        "Rolling cutoffs: not made for this run",
        paragraph("retain report --rolling trains and judges again at monthly cutoffs."),
    )


def _method() -> Markup:
    return section(
        "method",
        "How to read this",
        paragraph(tag("b", "Grades. "), RULE),
        paragraph(
            tag("b", "Intervals. "),
            "Customers are resampled with all their rows; the interval is the middle 95 % of the "
            "replicates. Differences are taken on the same replicates and are positive where "
            "Retain is better.",
        ),
        paragraph(
            tag("b", "Baselines. "),
            "The hiatus rule ranks by days since the last order; the RFM score adds up quintiles; "
            "the last spend is net spend of the window nearest to the horizon; BG/NBD with "
            "Gamma-Gamma knows orders and their value; the regressions and LightGBM read recency, "
            "frequency, monetary value and age of the customer. The blend is the plain average of "
            "the last three. All were fitted on the rows the judged heads were fitted on.",
        ),
        paragraph(
            tag("b", "Calibration. "),
            "Ten groups of equal size by score; the expected calibration error is the mean "
            "distance between predicted and observed share. The normalised Gini is the area "
            "between the gain curve of revenue and chance, over that of a perfect order.",
        ),
    )
