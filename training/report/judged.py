"""A head's own judgements, as the run recorded them: each metric beside the head's rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retain.manifest import Measured
from training.report import terms
from training.report.parts import bounds, figure, verdict
from training.report.plots import Row, intervals
from training.report.tags import Content, Markup, capital, table, tag

Entry = Mapping[str, Any]
_DIFFERENCE = "difference."
_SHARES = ("left_in_", "ordered_", "interval_coverage", "level_error", "uplift_")


@dataclass(frozen=True, slots=True)
class Beside:
    """One rule's number, and by how much the head is better (paired)."""

    rule: str
    value: Measured
    difference: Measured


@dataclass(frozen=True, slots=True)
class Judged:
    """One metric of a head, beside the rules it was compared with."""

    metric: str
    ours: Measured
    rules: tuple[Beside, ...]

    @property
    def percent(self) -> bool:
        """Whether it is a share."""
        return self.metric.startswith(_SHARES)

    @property
    def verdict(self) -> str:
        """Ahead of every rule, behind one, or neither."""
        behind = [one.rule for one in self.rules if one.difference.high < 0]
        if behind:
            return "behind " + " and ".join(map(terms.rule, behind))
        ahead = [one for one in self.rules if one.difference.low > 0]
        if ahead and len(ahead) == len(self.rules):
            return f"ahead of {' and '.join(terms.rule(one.rule) for one in ahead)}"
        return "not told apart from its rules"


def of(entry: Entry) -> list[Judged]:
    """Every metric of a head's entry in ``evaluation.json``, in its order."""
    baselines = entry["baselines"]
    keys = [name.removeprefix(_DIFFERENCE) for name in baselines if name.startswith(_DIFFERENCE)]
    found = []
    for metric, value in entry["metrics"].items():
        rules = [key.removesuffix(f".{metric}") for key in keys if key.endswith(f".{metric}")]
        beside = tuple(
            Beside(
                rule,
                _measured(baselines[f"{rule}.{metric}"]),
                _measured(baselines[f"{_DIFFERENCE}{rule}.{metric}"]),
            )
            for rule in rules
            if f"{rule}.{metric}" in baselines
        )
        found.append(Judged(metric, _measured(value), beside))
    return found


def figures(entry: Entry) -> list[Markup]:
    """One plot for every metric that has a rule beside it."""
    found = []
    for one in of(entry):
        if not one.rules:
            continue
        rows = [Row("Retain", one.ours, "ours")]
        rows += [Row(terms.rule(rule.rule), rule.value, "rule") for rule in one.rules]
        name = terms.metric(one.metric)
        title = f"{name} {_short(one)}, {one.verdict}"
        plot = intervals(title, rows, f"{name}, with 95 % intervals", percent=one.percent)
        found.append(figure(title, plot))
    return found


def cells(entry: Entry) -> list[tuple[str, str, str, str, str]]:
    """Metric, who, value, by how much the head is better, and the verdict, line by line."""
    rows = []
    for one in of(entry):
        rows.append(
            (terms.metric(one.metric), "Retain", bounds(one.ours, percent=one.percent), "", "")
        )
        rows += [
            (
                "",
                capital(terms.rule(each.rule)),
                bounds(each.value, percent=one.percent),
                bounds(each.difference, percent=one.percent),
                verdict(each.difference),
            )
            for each in one.rules
        ]
    return rows


def numbers(entry: Entry, title: str, *, folded: bool = False) -> Markup:
    """Every number of a head as the run recorded it."""
    header = ("metric", "who", "value [95 %]", "Retain better by [95 %]", "verdict")
    rows: Sequence[Sequence[Content]] = cells(entry)
    if not folded:
        return table(header, rows, title, words=2)
    return tag("details", tag("summary", title), table(header, rows, words=2))


def _short(one: Judged) -> str:
    return f"{one.ours.value:.1%}" if one.percent else f"{one.ours.value:.3f}"


def _measured(content: Mapping[str, float]) -> Measured:
    return Measured.model_validate(dict(content))
