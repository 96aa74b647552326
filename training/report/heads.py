"""The sections of the heads: what each predicts, and every number beside its baselines."""

import numpy as np

from training import curves
from training.baselines import BLEND
from training.comparisons import Standing
from training.report.facts import ASKED, HeadFacts
from training.report.parts import beside, bounds, figure, paragraph, plots, rival, section
from training.report.plots import Series, lines, reliability, tenths
from training.report.tags import Content, Markup, joined, table

_RULE = {"churn": "recency", "next_purchase": "recency", "ltv": "last_spend"}


def head_section(facts: HeadFacts, *more: Markup) -> Markup:
    """Everything about one head."""
    entry = facts.entry
    body: list[Content] = [
        paragraph(
            f"Predicts: {entry['label']}. Asked of: {entry['population']}. "
            f"Learned from {entry['rows']:,} rows of a customer at a cutoff, judged on "
            f"{len(facts.truth):,} later ones. Model ",
            f"{entry['model']}.",
        ),
        paragraph(f"Grade {facts.grade.letter}: {facts.grade.reason}."),
        *_plots_of(facts),
        _numbers(facts),
        *(paragraph(note, soft=True) for note in entry["notes"]),
        *more,
    ]
    return section(facts.head, facts.title, *body)


def _plots_of(facts: HeadFacts) -> list[Markup]:
    compared = [
        beside(
            _finding(asked.title, facts.standings[name]),
            facts.standings[name],
            f"{asked.title}, with 95 % intervals",
            percent=name == "level",
        )
        for name, asked in ASKED[facts.head].items()
    ]
    if facts.head == "ltv":
        return [plots(*compared, *_money(facts))]
    survival = [_survival(facts)] if facts.head == "next_purchase" else []
    return [plots(*compared, _reliability(facts), *survival, *_ranking(facts))]


def _finding(title: str, standing: Standing) -> str:
    """``AUC 0.761, behind the blend by 0.008``."""
    found = f"{title} {standing.ours.value:.3f}"
    blend = standing.baselines.get(BLEND)
    if blend is None:
        return found
    difference = blend.difference
    if difference.low > 0:
        return f"{found}, ahead of the blend by {difference.value:.3f}"
    if difference.high < 0:
        return f"{found}, behind the blend by {-difference.value:.3f}"
    return f"{found}, not told apart from the blend"


def _series(facts: HeadFacts) -> list[tuple[str, np.ndarray, str]]:
    found = [("Retain", facts.score, "ours")]
    if BLEND in facts.rivals:
        found.append(("blend", facts.rivals[BLEND], "blend"))
    rule = _RULE[facts.head]
    if rule in facts.rivals:
        found.append((rival(rule), facts.rivals[rule], "rule"))
    return found


def _ranking(facts: HeadFacts) -> list[Markup]:
    series, what = _series(facts), "leavers" if facts.head == "churn" else "buyers"
    rate = float(facts.truth.mean())
    tenth = curves.deciles(facts.truth, facts.score)[0]
    roc = [Series(name, curves.roc(facts.truth, score), style) for name, score, style in series]
    precise = [
        Series(name, curves.precision_recall(facts.truth, score), style)
        for name, score, style in series
    ]
    gains = [Series(name, curves.gain(facts.truth, score), style) for name, score, style in series]
    lift = [Series(name, _lift(facts.truth, score), style) for name, score, style in series]
    most = max(float(one.curve.y.max()) for one in lift)
    return [
        figure(
            f"The first tenth holds {tenth.share:.0%} of the {what}",
            lines(
                f"Cumulative gain of the {what}",
                gains,
                "share of customers contacted",
                f"share of {what} reached",
                diagonal="at random",
            ),
        ),
        figure(
            f"The first tenth has {tenth.lift:.1f} times the usual share of {what}",
            lines(
                "Lift by share of customers",
                lift,
                "share of customers contacted",
                "lift",
                y=(0.0, max(2.0, most * 1.05)),
                percent=False,
            ),
        ),
        figure(
            "ROC curve",
            lines(
                "ROC curve",
                roc,
                "false positive rate",
                "true positive rate",
                diagonal="at random",
            ),
        ),
        figure(
            f"Precision and recall, {rate:.0%} being {what}",
            lines("Precision and recall", precise, "recall", "precision"),
        ),
    ]


def _lift(truth: np.ndarray, score: np.ndarray) -> curves.Curve:
    gain = curves.gain(truth, score)
    kept = gain.x >= 0.02
    return curves.Curve(gain.x[kept], gain.y[kept] / gain.x[kept])


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
            ("predicted", "observed"), group, ("ours", "rule"), strict=True
        )
    ]
    worst = max(float(np.abs(one.y - other.y).max()) for one, other in found)
    high = max(float(one.curve.y.max()) for one in series)
    title = f"Of four groups, the curve is off by {worst:.0%} at most"
    plot = lines(
        title,
        series,
        "days",
        "share who ordered",
        x=(0.0, float(max(said))),
        y=(0.0, min(1.0, high * 1.1)),
        percent=False,
    )
    covered = [
        (name.replace("_", " "), facts.entry["metrics"][name])
        for name in ("ordered_before_interval", "ordered_after_interval")
        if name in facts.entry["metrics"]
    ]
    shares = "; ".join(f"{name} {one['value']:.1%}" for name, one in covered)
    note = "Customers in four groups of equal size by their chance of an order." + (
        f" 80 % interval of the date: {shares} (10 % each is right)." if shares else ""
    )
    return figure(title, plot, note)


def _said_by_day(facts: HeadFacts) -> dict[int, np.ndarray]:
    prefix = "retain.by_"
    return {
        int(name.removeprefix(prefix).removesuffix("d")): column
        for name, column in facts.held.items()
        if name.startswith(prefix)
    }


def _money(facts: HeadFacts) -> list[Markup]:
    groups = curves.deciles(facts.truth, facts.score)
    level = facts.standings["level"].ours
    spend = np.maximum(facts.truth, 0.0)
    gains = [
        Series(name, curves.gain(spend, score), style) for name, score, style in _series(facts)
    ]
    return [
        figure(
            f"Total revenue predicted {level.value:+.0%} off",
            tenths("Predicted and observed by tenth", groups, "mean net revenue"),
            f"Bias of the total on the holdout {bounds(level, percent=True)}.",
        ),
        figure(
            f"The first tenth brings {groups[0].share:.0%} of the revenue",
            lines(
                "Share of revenue reached",
                gains,
                "share of customers",
                "share of revenue",
                diagonal="at random",
            ),
        ),
        *_coverage(facts),
    ]


def _coverage(facts: HeadFacts) -> list[Markup]:
    if "retain.low" not in facts.held:
        return []
    low, high = facts.held["retain.low"], facts.held["retain.high"]
    found = curves.coverage(facts.truth, low, high, facts.score)
    inside = ((facts.truth >= low) & (facts.truth <= high)).mean()
    rows = [
        (
            f"fifth {number} (mean {one.predicted:,.0f})",
            f"{one.rows:,}",
            f"{one.observed:.1%}",
            f"{one.low:.1%} to {one.high:.1%}",
        )
        for number, one in enumerate(found, start=1)
    ]
    title = f"The 80 % interval holds {inside:.0%} of what came"
    return [figure(title, table(("by prediction", "rows", "inside", "95 % interval"), rows))]


def _numbers(facts: HeadFacts) -> Markup:
    rows: list[tuple[Content, ...]] = []
    for name, asked in ASKED[facts.head].items():
        standing, percent = facts.standings[name], name == "level"
        rows.append((asked.title, "Retain", bounds(standing.ours, percent=percent), "", ""))
        for who, one in standing.baselines.items():
            told = one.difference
            word = "better" if told.low > 0 else "worse" if told.high < 0 else "not told apart"
            values = (bounds(each, percent=percent) for each in (one.value, told))
            rows.append(("", rival(who), *values, word))
    header = ("metric", "who", "value [95 %]", "Retain better by [95 %]", "verdict")
    whole = table(header, rows, "Every number, with paired differences", words=2)
    return joined(whole, _tenths(facts)) if facts.head == "ltv" else whole


def _tenths(facts: HeadFacts) -> Markup:
    rows = [
        (
            str(number),
            f"{one.rows:,}",
            f"{one.predicted:,.2f}",
            f"{one.observed:,.2f}",
            f"{one.share:.1%}",
            f"{one.lift:.2f}",
        )
        for number, one in enumerate(curves.deciles(facts.truth, facts.score), start=1)
    ]
    header = ("tenth", "rows", "predicted mean", "observed mean", "share of revenue", "lift")
    return table(header, rows, "Tenths of the customers, best predicted first")
