"""Sections that say why: what moves the scores, what customers recorded, what was checked."""

from collections.abc import Mapping
from typing import Any

from training.report import judged, terms
from training.report.parts import (
    figure,
    paragraph,
    plots,
    section,
    verdicts,
)
from training.report.plots import bars
from training.report.tags import Content, Markup, capital, table

_MOST_GROUPS = 10
_CHECKS = {
    "single_feature": "Single features",
    "far_above_the_blend": "Beside the blend",
    "truncated_log": "Log cut at the cutoff",
    "late_events": "Events known late",
    "label_windows": "Label windows",
    "duplicates": "Repeated rows",
}


def importance_section(evaluation: Mapping[str, Any]) -> Markup | None:
    """Mean size of each group's contribution, by head; None where the run has none."""
    found = []
    for head, entry in evaluation["heads"].items():
        importance = entry["parameters"].get("importance")
        if not importance or not importance["groups"]:
            continue
        rows = [(terms.group(g["name"]), g["share"]) for g in importance["groups"]]
        title = f"{terms.head(head)}: most by {rows[0][0]}"
        plot = bars(title, rows[:_MOST_GROUPS], "share of the mean size of contributions")
        named = "; ".join(terms.feature(one["name"]) for one in importance["features"][:5])
        found.append(figure(title, plot, f"Largest single features: {named}."))
    if not found:
        return None
    return section(
        "importance",
        "What moves the scores",
        paragraph(
            "Mean size of what each group of features adds to a score (SHAP), over customers of "
            "the last cutoffs. It says what the model reads, not what causes what."
        ),
        plots(*found),
    )


def reasons_section(evaluation: Mapping[str, Any]) -> Markup | None:
    """Recorded reasons for leaving; None where the run did not count them."""
    reasons = evaluation.get("reasons_for_leaving")
    if not reasons:
        return None
    usual = reasons["usual_share_left"]
    blocks: list[Content] = []
    for kind in reasons["kinds"].values():
        rows = [
            (
                one["value"],
                f"{one['customers']:,}",
                f"{one['mentions']:,}",
                _share(one["share_left"], one["interval"]),
                f"{one['judged']:,}",
            )
            for one in kind["recorded"]
        ]
        if rows:
            header = ("recorded", "customers", "mentions", "left afterwards [95 %]", "of")
            blocks.append(table(header, rows, capital(kind["meaning"])))
    if not blocks:
        blocks = [paragraph("Nobody recorded a reason: no cancellation, ticket or competitor.")]
    beside = "" if usual is None else f" Of all customers {usual:.0%} left."
    return section(
        "reasons",
        "Recorded reasons for leaving",
        paragraph(
            f"From {reasons['since'][:10]} to {reasons['until'][:10]}; values of fewer than "
            f"{reasons['least_customers']} customers are not shown by name.{beside}"
        ),
        *blocks,
    )


def items_section(evaluation: Mapping[str, Any]) -> Markup | None:
    """Next product and category beside their rules; None where the run has no such head."""
    entry = evaluation["heads"].get("next_items")
    if not entry or not entry["metrics"]:
        return None
    recall = next((one for one in judged.of(entry) if one.metric == "recall_at_10"), None)
    word = f"Recall@10 {recall.ours.value:.3f}, {recall.verdict}" if recall else "next product"
    return section(
        "next_items",
        f"{terms.head('next_items')}: {word}",
        paragraph(f"Predicts {entry['label']}. Asked of {entry['population']}."),
        plots(*judged.figures(entry)),
        judged.numbers(entry, "Every number, with paired differences"),
        *(paragraph(note, soft=True) for note in entry["notes"]),
    )


def response_section(evaluation: Mapping[str, Any]) -> Markup | None:
    """The response head beside its rules, judged on campaigns of their own."""
    entry = evaluation["heads"].get("response")
    if not entry:
        return None
    word = "better than its rule" if entry["beats_baseline"] else "NOT better than its rule"
    return section(
        "response",
        f"{terms.head('response')}: {word}",
        paragraph(
            f"Predicts {entry['label']}. Asked of {entry['population']}. The Qini coefficient is "
            "the area between what contacting the most responsive adds and what contacting as "
            "many at random adds, in orders per customer; uplift is treated less held-out, in "
            "orders per customer."
        ),
        plots(*judged.figures(entry)),
        judged.numbers(entry, "Every number, with paired differences"),
        *(paragraph(note, soft=True) for note in entry["notes"]),
    )


def leaks_section(evaluation: Mapping[str, Any]) -> Markup | None:
    """What was looked at to find a leak; None for a run of before there were checks."""
    checks = evaluation.get("leakage_checks")
    if not checks:
        return None
    look = sum(one["passed"] is None for one in checks)
    title = "Leakage checks: " + ("all passed" if not look else f"none failed, {look} to look at")
    items = [
        (one["passed"], f"{_CHECKS.get(one['name'], one['name'])}: {one['sentence']}")
        for one in checks
    ]
    return section("leaks", title, verdicts(items, met="passed"))


def _share(share: float | None, ends: list[float] | None) -> str:
    if share is None or ends is None:
        return "not known yet"
    return f"{share:.0%} [{ends[0]:.0%}, {ends[1]:.0%}]"
