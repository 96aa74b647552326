"""The page of an experiment: what it says, whether to believe it, and how it was found."""

from collections.abc import Sequence

import numpy as np

from retain.clock import iso
from retain.experiments.shares import Shares
from training.experiments import figures, words
from training.experiments.analysis import Analysis
from training.experiments.effects import LEAST_CUSTOMERS, LEAST_EVENTS, Effect
from training.report.document import document
from training.report.parts import pairs, paragraph, plots, section, verdicts
from training.report.tags import Markup, table, tag

_LINKS = {"effect": "Effect", "guardrails": "Guardrails", "balance": "Balance", "design": "Design"}


def render(analysis: Analysis, shifts: Sequence[Shares] = ()) -> str:
    """The whole page as text.

    Args:
        analysis: of the experiment.
        shifts: of a bandit, the recorded shares.
    """
    parts = [
        _summary(analysis),
        _effect(analysis),
        _factors(analysis),
        _guardrails(analysis),
        _balance(analysis, shifts),
        _design(analysis),
        _method(analysis),
    ]
    return document(f"Retain: experiment {analysis.experiment.name}", parts)


def _summary(analysis: Analysis) -> Markup:
    experiment = analysis.experiment
    return tag(
        "header",
        tag("h1", words.headline(analysis)),
        paragraph(experiment.question),
        paragraph(
            f"As of {iso(analysis.as_of)}: {words.progress(analysis)}. Every interval of an effect "
            "holds at every look at once: this page may be opened daily, and the experiment ended "
            "on any day.",
            soft=True,
        ),
        tag("nav", *(tag("a", word, href=f"#{name}") for name, word in _LINKS.items())),
        *([verdicts([(False, note) for note in analysis.notes])] if analysis.notes else []),
        tag("div", *(_card(one) for one in analysis.primary), class_="cards"),
    )


def _card(effect: Effect) -> Markup:
    shown = words.lift(effect) or words.difference(effect) or "no number yet"
    state = {"better": "good", "worse": "bad"}.get(effect.verdict, "look")
    return tag(
        "div",
        tag("h3", effect.contrast.name),
        tag("p", f"{effect.metric} {shown}"),
        tag("p", tag("b", words.verdict(effect), class_=state)),
        class_="card",
    )


def _effect(analysis: Analysis) -> Markup:
    primary, secondary = analysis.primary, analysis.secondary
    both = [figures.lifts(f"Lift on {each[0].metric}", each) for each in (primary, secondary)]
    paths = [figures.path(one, analysis.days) for one in (*primary, *secondary)]
    means = [
        figures.arms(analysis, "conversion", percent=True),
        figures.arms(analysis, "revenue", percent=False),
    ]
    rows = [
        (
            one.contrast.name,
            one.metric,
            "none" if one.contrast.kind == "interaction" else words.lift(one) or "not yet",
            words.difference(one) or "not yet",
            f"{one.p:.2g}",
            words.verdict(one),
        )
        for one in (*primary, *secondary)
    ]
    header = ("comparison", "metric", "lift", "difference per customer", "p", "verdict")
    return section(
        "effect",
        "; ".join(words.finding(one) for one in primary),
        plots(*(one for one in (*both, *paths, *means) if one is not None)),
        table(
            header,
            rows,
            f"Intervals and p are always-valid; decided is what is below {analysis.alpha:.2g}.",
            words=2,
        ),
        _arms(analysis),
    )


def _arms(analysis: Analysis) -> Markup:
    counts = analysis.exposures.counts().sum(axis=0)
    complete = analysis.sums["conversion"].customers[-1]
    metrics = ["conversion", "revenue", *dict.fromkeys(
        one.guardrail.metric for one in analysis.guardrails
    )]  # fmt: skip
    rows = []
    for place, cell in enumerate(analysis.experiment.cells):
        means = [analysis.sums[metric].means[-1][place] for metric in metrics]
        rows.append(
            (
                cell.name,
                f"{cell.share:.1%}",
                f"{counts[place]:,.0f}",
                f"{complete[place]:,.0f}",
                *(_mean(metric, mean) for metric, mean in zip(metrics, means, strict=True)),
            )
        )
    header = (
        "arm",
        "declared share",
        "exposed",
        "window over",
        *(one.replace("_", " ") for one in metrics),
    )
    return table(header, rows, "Means per customer whose window is over.")


def _mean(metric: str, mean: float) -> str:
    if not np.isfinite(mean):
        return "not yet"
    if metric in words.SHARES:
        return f"{mean:.2%}"
    return f"{mean:,.3f}" if abs(mean) < 100 else f"{mean:,.0f}"


def _factors(analysis: Analysis) -> Markup | None:
    plot = figures.interaction(analysis)
    if plot is None:
        return None
    between = [one for one in analysis.primary if one.contrast.kind == "interaction"]
    says = "; ".join(
        f"{one.contrast.name} {words.difference(one) or 'too early to say'}" for one in between
    )
    return section(
        "factors",
        "Do the factors change each other's effect?",
        plot,
        paragraph(
            f"Interaction, {analysis.experiment.design.primary} per customer: {says}. Zero inside "
            "the interval: none is shown. An interaction needs about four times the customers of a "
            "main effect of the same size.",
        ),
    )


def _guardrails(analysis: Analysis) -> Markup:
    harmed = [one for one in analysis.guardrails if one.verdict == "harmed"]
    rows = [
        (
            one.guardrail.metric.replace("_", " "),
            one.effect.contrast.name,
            words.difference(one.effect) or "not yet",
            words.lift(one.effect) or "not yet",
            f"{one.guardrail.tolerated:g}",
            words.guarded(one),
        )
        for one in analysis.guardrails
    ]
    header = ("guardrail", "comparison", "difference per customer", "relative", "tolerated", "")
    return section(
        "guardrails",
        "Guardrails: " + ("harm is shown" if harmed else "no harm is shown"),
        table(header, rows, "All are worse when higher.", words=2)
        if rows
        else paragraph("None are declared."),
    )


def _balance(analysis: Analysis, shifts: Sequence[Shares]) -> Markup:
    found = analysis.balance
    rows = [
        (
            name,
            f"{count:,}",
            f"{found.expected[name]:,.1f}",
            f"{count - found.expected[name]:+,.1f}",
        )
        for name, count in found.observed.items()
    ]
    drawn = (figures.arrivals(analysis), figures.shifted(analysis, shifts))
    return section(
        "balance",
        words.balance(analysis),
        plots(*(one for one in drawn if one is not None)),
        table(("arm", "exposed", "expected", "difference"), rows),
    )


def _design(analysis: Analysis) -> Markup:
    experiment, sample = analysis.experiment, analysis.sample
    design = experiment.design
    said = {
        "layer": f"{experiment.layer}, traffic {experiment.traffic[0]:g} to "
        f"{experiment.traffic[1]:g}",
        "eligible": "everybody" if experiment.eligible is True else str(experiment.eligible),
        "from": "not said" if experiment.start is None else iso(experiment.start),
        "until": "not said" if experiment.end is None else iso(experiment.end),
        "decides": f"{design.primary} within {design.window_days} days of the first exposure",
        "alpha, power": f"{design.alpha:g}, {design.power:g}",
    }
    title = "Design"
    if sample is not None:
        title = f"Design: {sample.always_valid:,} customers were asked for in advance"
        said["smallest lift worth finding"] = f"{design.minimum_lift:.0%}"
        said["needed"] = (
            f"{sample.always_valid:,} customers at most; a test of one look would need "
            f"{sample.fixed:,} and could not be looked at before"
        )
    if design.revenue_cap is not None:
        said["revenue counts up to"] = f"{design.revenue_cap:,g} per customer"
    return section("design", title, pairs(said))


def _method(analysis: Analysis) -> Markup:
    parts = [
        paragraph(
            tag("b", "Intervals. "),
            "Asymptotic confidence sequences (normal mixture; Waudby-Smith et al. 2024): with "
            f"probability {1 - analysis.experiment.design.alpha:.0%} the truth lies inside at all "
            "looks together. Lifts are ratios of means per customer, by the delta method on the "
            "logarithm. Where several comparisons decide, alpha is divided among them. "
            f"Nothing is said before every arm has {LEAST_CUSTOMERS} customers and may expect "
            f"{LEAST_EVENTS:g} events.",
        ),
        paragraph(
            tag("b", "Customers. "),
            "Each counts in the arm of the first exposure, whatever was sent, once the window of "
            f"{analysis.experiment.design.window_days} days is over. Revenue is net of returns "
            "within the window.",
        ),
    ]
    if analysis.experiment.bandit is not None:
        parts.append(
            paragraph(
                tag("b", "Bandit. "),
                "Shares shift, and every shift places customers anew; each customer and period is "
                "weighted by the inverse of the recorded probability of the arm.",
            )
        )
    return section("method", "How to read this", *parts)
