"""The model card of a run, in Markdown.

Source: M. Mitchell et al., "Model Cards for Model Reporting" (FAT* 2019); its sections in order.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training import slices
from training.grades import RULE
from training.report import judged, terms
from training.report.facts import ASKED, HEADLINE, SEED, HeadFacts
from training.report.parts import bounds, rival
from training.report.tags import capital

OTHERS = ("next_items", "response")
_WORDS = {True: "passed", False: "failed", None: "to look at"}


def render(
    evaluation: Mapping[str, Any],
    facts: Sequence[HeadFacts],
    *,
    rolling: Mapping[str, Any] | None = None,
    sensitive: Sequence[str] = (),
) -> str:
    """The card as text."""
    lines = [
        f"# Model card: run {evaluation['run_id']}",
        "",
        *_details(evaluation, facts),
        *_use(evaluation, facts),
        *_factors(sensitive),
        *_metrics(),
        *_data(evaluation),
        *_analyses(facts, sensitive),
        *_recorded(evaluation),
        *_rolling(rolling),
        *_ethics(evaluation),
        *_caveats(evaluation),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _details(evaluation: Mapping[str, Any], facts: Sequence[HeadFacts]) -> list[str]:
    lines = ["## Model details", ""]
    lines += [
        f"- **{one.name}** (`{one.entry['model']}`), grade {one.grade.letter}: {one.grade.reason}"
        for one in facts
    ]
    lines += [
        f"- **{terms.head(name)}** (`{entry['model']}`): "
        + ("better than its dumb rule" if entry["beats_baseline"] else "NOT better than its rule")
        for name, entry in _others(evaluation)
    ]
    return [
        *lines,
        f"- Trained on what was known at {evaluation['as_of']}, seed {evaluation['seed']}",
        (
            "- Gradient-boosted trees and regressions, stored as text and JSON; digests, features "
            "and library versions stand in each model's manifest (`retain models show`)"
        ),
        f"- {RULE}",
        "",
    ]


def _use(evaluation: Mapping[str, Any], facts: Sequence[HeadFacts]) -> list[str]:
    lines = ["## Intended use", ""]
    for one in facts:
        label, population = one.entry["label"], one.entry["population"]
        lines.append(f"- {one.name}: predicts {label}, of {population}")
    lines += [
        f"- {terms.head(name)}: predicts {entry['label']}, of {entry['population']}"
        for name, entry in _others(evaluation)
    ]
    return [
        *lines,
        "- To choose whom to contact, with what and when; a person decides on the campaign",
        (
            "- Not for: customers without orders, horizons other than "
            f"{evaluation['horizon_days']} days without training again, credit, insurance, "
            "employment or any decision of legal effect"
        ),
        (
            "- A probability says what will happen if nothing changes, not what a contact would "
            "change: that is the response head's question"
        ),
        "",
    ]


def _factors(sensitive: Sequence[str]) -> list[str]:
    declared = ", ".join(f"`{name}`" for name in sensitive) or "none declared"
    return [
        "## Factors",
        "",
        "- Evaluated by tenure, value tier and country",
        f"- Sensitive attributes: {declared}",
        "",
    ]


def _metrics() -> list[str]:
    return [
        "## Metrics",
        "",
        (
            "- Churn and next purchase: AUC, Brier score, expected calibration error (ten groups "
            "of equal size)"
        ),
        (
            "- Lifetime value: normalised Gini, rank correlation, bias of the total, coverage of "
            "the 80 % interval"
        ),
        (
            "- Next products and categories: Recall@10 and NDCG@10 of products, Recall@3 of "
            "categories, against repeating the most frequent and popularity"
        ),
        (
            "- Response: Qini coefficient and uplift among the best 30 %, on campaigns with a "
            "randomised hold-out, against contacting at random and contacting everybody"
        ),
        "- 95 % intervals by resampling customers with all their rows; differences are paired",
        "",
    ]


def _data(evaluation: Mapping[str, Any]) -> list[str]:
    data = evaluation.get("data") or {}
    lines = [
        "## Evaluation data",
        "",
        f"- {evaluation['split']}",
        "",
        "## Training data",
        "",
        (
            f"- {data.get('customers', 0):,} customers, {data.get('orders', 0):,} orders, "
            f"{data.get('history_days', 0):,.0f} days of history"
        ),
        (
            f"- Excluded as abnormal: {data.get('excluded', 0):,}; withdrew consent to profiling: "
            f"{data.get('withdrawn_consent', 0):,}"
        ),
    ]
    lines += [
        f"- Leakage check `{one['name']}`, {_WORDS[one['passed']]}: {one['sentence']}"
        for one in evaluation.get("leakage_checks") or []
    ]
    return [*lines, ""]


def _analyses(facts: Sequence[HeadFacts], sensitive: Sequence[str]) -> list[str]:
    lines = ["## Quantitative analyses", ""]
    for one in facts:
        lines += [f"### {one.title}", "", "| metric | who | value [95 %] | verdict |"]
        lines.append("|---|---|---|---|")
        for name, asked in ASKED[one.head].items():
            standing, percent = one.standings[name], name == "level"
            lines.append(
                f"| {asked.title} | **Retain** | {bounds(standing.ours, percent=percent)} | |"
            )
            for who, other in standing.baselines.items():
                told = other.difference
                word = "behind Retain" if told.low > 0 else "not told apart"
                word = "ahead of Retain" if told.high < 0 else word
                value = bounds(other.value, percent=percent)
                lines.append(f"| | {rival(who)} | {value} | {word} |")
        lines += ["", *_parts(one, sensitive)]
    return lines


def _recorded(evaluation: Mapping[str, Any]) -> list[str]:
    """The heads that are judged beside rules of their own, and stand in no holdout file."""
    lines = []
    for name, entry in _others(evaluation):
        verdict = "better than its dumb rule" if entry["beats_baseline"] else "NOT better"
        lines += [f"### {terms.head(name)}: {verdict}", ""]
        lines += ["| metric | who | value [95 %] | Retain better by [95 %] | verdict |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| {metric} | {'**Retain**' if who == 'Retain' else who} | {value} | {by} | {word} |"
            for metric, who, value, by, word in judged.cells(entry)
        ]
        lines.append("")
    return lines


def _others(evaluation: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    heads = evaluation["heads"]
    return [(name, heads[name]) for name in OTHERS if heads.get(name, {}).get("metrics")]


def _parts(one: HeadFacts, sensitive: Sequence[str]) -> list[str]:
    asked = ASKED[one.head][HEADLINE[one.head]]
    unit = f", {one.currency}" if one.head == "ltv" and one.currency else ""
    lines = [f"| part | rows | predicted{unit} | observed{unit} | {asked.title} |"]
    lines.append("|---|---|---|---|---|")
    digits = ",.1f" if one.head == "ltv" else ".1%"
    kept = [name for name in sensitive if name in one.held]
    for name, part in slices.parts(one.held, kept).items():
        for each in slices.slices(
            part,
            asked.metric,
            one.truth,
            one.score,
            customers=np.asarray(one.held["customer_id"]),
            seed=SEED,
        ):
            value = "" if each.metric is None else bounds(each.metric)
            said, came = format(each.predicted, digits), format(each.observed, digits)
            lines.append(
                f"| {capital(name)}: {each.name} | {each.rows:,} | {said} | {came} | {value} |"
            )
    return [*lines, ""]


def _rolling(rolling: Mapping[str, Any] | None) -> list[str]:
    if rolling is None:
        return []
    bars = rolling["verdict"]["bars"]
    lines = [f"- {'met' if bar['met'] else '**missed**'}: {bar['sentence']}" for bar in bars]
    return ["### Rolling cutoffs", "", *lines, ""]


def _ethics(evaluation: Mapping[str, Any]) -> list[str]:
    withdrawn = (evaluation.get("data") or {}).get("withdrawn_consent", 0)
    return [
        "## Ethical considerations",
        "",
        (
            "- Scores profile persons. Who withdrew consent to profiling is in no row "
            f"({withdrawn:,} here) and gets no score; who has left already gets no churn score"
        ),
        (
            "- The features are behaviour, and places and habits a campaign may be planned by; a "
            "sensitive attribute can still be carried by behaviour, so look at the fairness table"
        ),
        (
            "- Contacting too often costs trust: caps and the customer's own limits come before "
            "any score"
        ),
        "",
    ]


def _caveats(evaluation: Mapping[str, Any]) -> list[str]:
    lines = ["## Caveats and recommendations", ""]
    for head, entry in evaluation["heads"].items():
        lines += [f"- {terms.head(head)}: {note}" for note in entry["notes"]]
    lines += [
        f"- {terms.head(name)}: no model. {why}" for name, why in evaluation["skipped"].items()
    ]
    return [
        *lines,
        (
            "- Train again when the season turns, a price or a policy changes, or `retain doctor` "
            "reports drift"
        ),
    ]
