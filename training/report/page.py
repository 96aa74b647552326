"""The page: a summary, the sections, and how to read them; nothing outside the file is needed."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from training.grades import RULE
from training.report import judged, terms
from training.report.design import data_section, design_section
from training.report.document import document
from training.report.facts import HeadFacts, currency_of, place
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
from training.report.tags import Markup, capital, joined, tag
from training.report.truth import truth_section

_LINKS = {
    "design": "Time split",
    "oracle": "Oracle",
    "rolling": "Rolling cutoffs",
    "slices": "Parts and fairness",
    "importance": "What moves the scores",
    "reasons": "Reasons for leaving",
    "leaks": "Leakage",
    "data": "Data",
    "method": "How to read this",
}
_UNGRADED = ("next_items", "response")
_COLOUR = {True: "good", False: "bad"}
_OPENING = re.compile(r'^<section id="(\w+)"')


def render(
    evaluation: Mapping[str, Any],
    facts: Sequence[HeadFacts],
    *,
    rolling: Mapping[str, Any] | None = None,
    truth: pa.Table | None = None,
    sensitive: Sequence[str] = (),
) -> str:
    """The whole page of a training run as text."""
    currency = currency_of(evaluation)
    sections = [
        design_section(evaluation),
        *(head_section(one) for one in facts),
        items_section(evaluation),
        response_section(evaluation),
        rolling_section(rolling, currency) if rolling else _no_rolling(),
        truth_section(facts, truth) if truth is not None else None,
        slices_section(facts, sensitive) if facts else None,
        importance_section(evaluation),
        reasons_section(evaluation),
        leaks_section(evaluation),
        data_section(evaluation),
        _method(),
    ]
    shown = [one for one in sections if one is not None]
    top = _summary(evaluation, facts, rolling, _menu(shown))
    return document(f"Retain: evaluation of run {evaluation['run_id']}", [top, *shown])


def render_rolling(rolling: Mapping[str, Any]) -> str:
    """The page of rolling cutoffs that stand alone, as no training run was made."""
    shown = [rolling_section(rolling), _method()]
    first, last = (rolling["cutoffs"][at]["as_of"][:10] for at in (0, -1))
    top = tag(
        "header",
        tag("h1", f"Trained and judged again at {len(rolling['cutoffs'])} cutoffs"),
        paragraph(
            f"From {first} to {last}. There is no training run beside it: retain train makes one, "
            "and its report has the curves, parts of the customers and leakage checks as well.",
            soft=True,
        ),
        _menu(shown),
        _rolled(rolling),
    )
    return document(f"Retain: rolling cutoffs to {last}", [top, *shown])


def _menu(sections: Sequence[Markup]) -> Markup:
    """A link to every section there is, in order."""
    names = [found[1] for one in sections if (found := _OPENING.match(one))]
    links = [tag("a", _LINKS.get(name) or terms.head(name), href=f"#{name}") for name in names]
    return tag("nav", *links, aria_label="Sections")


def _summary(
    evaluation: Mapping[str, Any],
    facts: Sequence[HeadFacts],
    rolling: Mapping[str, Any] | None,
    menu: Markup,
) -> Markup:
    return tag(
        "header",
        tag("h1", _headline(evaluation, facts)),
        paragraph(
            f"Training run {evaluation['run_id']}, on what was known at "
            f"{evaluation['as_of'][:10]}; labels of {evaluation['horizon_days']} days. Every "
            "number is from customers and moments the judged models did not learn from, with its "
            "95 % interval over resampled customers.",
            soft=True,
        ),
        menu,
        tag(
            "div",
            *(_card(one) for one in facts),
            *(_plain_card(name, evaluation) for name in _UNGRADED),
            *_skipped(evaluation),
            class_="cards",
        ),
        *([_rolled(rolling)] if rolling else []),
    )


def _headline(evaluation: Mapping[str, Any], facts: Sequence[HeadFacts]) -> str:
    if not facts:
        return "No head could be judged"
    losing = [one.name for one in facts if one.grade.letter == "C"]
    losing += [
        terms.head(name)
        for name in _UNGRADED
        if name in evaluation["heads"] and not evaluation["heads"][name]["beats_baseline"]
    ]
    if losing:
        return "Not better than their dumb rule: " + ", ".join(losing)
    grades = ", ".join(f"{one.name} {one.grade.letter}" for one in facts)
    return f"Every score beats its dumb rule: {grades}"


def _card(facts: HeadFacts) -> Markup:
    asked, standing = facts.headline
    return tag(
        "div",
        tag("h3", facts.name, grade_mark(facts.grade.letter)),
        tag("p", f"{asked.title} {bounds(standing.ours)}"),
        tag("p", capital(f"{place(standing)}.")),
        tag("p", capital(f"{facts.grade.reason}."), class_="soft"),
        class_="card",
    )


def _plain_card(name: str, evaluation: Mapping[str, Any]) -> Markup:
    """A head that has rules of its own and no blend to be graded beside."""
    entry = evaluation["heads"].get(name)
    if not entry or not entry["metrics"]:
        return Markup("")
    one = judged.of(entry)[0]
    met = entry["beats_baseline"]
    return tag(
        "div",
        tag("h3", terms.head(name), tag("b", "ahead" if met else "not ahead", class_=_COLOUR[met])),
        tag("p", f"{terms.metric(one.metric)} {bounds(one.ours, percent=one.percent)}"),
        tag("p", f"{capital(one.verdict)}."),
        *(
            tag("p", f"{terms.metric(each.metric)}: {each.verdict}.", class_="soft")
            for each in judged.of(entry)[1:]
            if any(rule.difference.high < 0 for rule in each.rules)
        ),
        class_="card",
    )


def _skipped(evaluation: Mapping[str, Any]) -> list[Markup]:
    return [
        tag(
            "div",
            tag("h3", terms.head(name)),
            tag("p", f"No model: {reason}", class_="soft"),
            class_="card",
        )
        for name, reason in evaluation["skipped"].items()
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
