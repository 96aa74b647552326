"""What was found, row by row: one for each event type, one for each feature."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from retain.features.catalogue import FEATURES
from retain.quality.findings import Finding, Findings, Sample, Severity
from retain.vocabulary import vocabulary

_VIEW_OF = {feature.name: feature.relation for feature in FEATURES}
_GRAVITY: dict[Severity, float] = {"ok": 0.0, "warn": 1.0, "fail": 2.0}
_FEATURE_CHECKS = frozenset({"drift", "null_rate", "range"})


@dataclass(slots=True)
class Row:
    """One event type or feature: None where that is not known.

    Attributes:
        volume: of a type, events of the last day; of a feature, customers looked at.
        usual: of a type, events on such a day; of a feature, the largest PSI between the
            training cutoffs.
        null_rate: of a type, over the properties its events carry.
        range: smallest, median and largest value; of a type, those of its main number.
        age_seconds: of a type, of its newest event; of a feature, of the rows served.
        psi: population stability index; of a type, of the number that moved most.
    """

    name: str
    state: Severity = "ok"
    volume: float | None = None
    usual: float | None = None
    null_rate: float | None = None
    range: dict[str, float] = field(default_factory=dict)
    number: str = ""
    age_seconds: float | None = None
    psi: float | None = None


def event_types(findings: Findings) -> list[Row]:
    """Every event type seen in the weeks looked at, by name."""
    states = _states(findings, features=False)
    made: dict[str, Row] = {}
    numbers: dict[tuple[str, str], dict[str, float]] = {}
    for name, labels, value in findings.samples:
        event_type = labels.get("type", "")
        if event_type not in vocabulary().types:
            continue
        row = made.setdefault(event_type, Row(event_type, states.get(event_type, "ok")))
        if name in _PLACES:
            setattr(row, _PLACES[name], value)
        elif name == "retain_event_psi":
            row.psi = max(row.psi or 0.0, value)
        elif name in _ENDS:
            numbers.setdefault((event_type, labels["property"]), {})[_ENDS[name]] = value
    for (event_type, number), ends in numbers.items():
        row = made[event_type]
        # what it is worth says most; else whatever number comes first
        if not row.number or number == "total":
            row.number, row.range = number, ends
    return [made[name] for name in sorted(made)]


def features(findings: Findings) -> list[Row]:
    """Every feature that was profiled, in the order of the catalogue."""
    states = _states(findings, features=True)
    made: dict[str, Row] = {}
    ages = {
        labels["view"]: value
        for name, labels, value in findings.samples
        if name == "retain_feature_rows_age_seconds"
    }
    customers = next((s.value for s in findings.samples if s.name == "retain_feature_rows"), None)
    for name, labels, value in findings.samples:
        feature = labels.get("feature")
        if feature is None:
            continue
        age = ages.get(_VIEW_OF.get(feature, ""))
        row = made.setdefault(
            feature,
            Row(feature, states.get(feature, "ok"), volume=customers, age_seconds=age),
        )
        if name == "retain_feature_null_rate":
            row.null_rate = value
        elif name == "retain_feature_psi":
            row.psi = value
        elif name == "retain_feature_usual_psi":
            row.usual = value
        elif name in _ENDS:
            row.range[_ENDS[name]] = value
    return list(made.values())


def state_samples(findings: Findings) -> Iterator[Sample]:
    """0 ok, 1 warn, 2 fail, of every event type, every feature, and altogether."""
    for row in event_types(findings):
        yield Sample("retain_event_state", {"type": row.name}, _GRAVITY[row.state])
    for row in features(findings):
        yield Sample("retain_feature_state", {"feature": row.name}, _GRAVITY[row.state])
    yield Sample("retain_quality_state", {}, _GRAVITY[findings.worst()])


def _states(findings: Findings, *, features: bool) -> dict[str, Severity]:
    worst: dict[str, Severity] = {}
    for finding in findings.findings:  # the worst come first
        if (finding.check in _FEATURE_CHECKS) == features:
            worst.setdefault(_subject(finding), finding.severity)
    return worst


def _subject(finding: Finding) -> str:
    """The row a finding belongs to: ``order_completed.lines.price`` is of ``order_completed``."""
    return finding.subject.split(".", 1)[0]


_PLACES = {
    "retain_events_last_day": "volume",
    "retain_events_usual_day": "usual",
    "retain_newest_event_age_seconds": "age_seconds",
    "retain_event_null_rate": "null_rate",
}
_ENDS = {
    f"retain_{of}_{end}": end
    for of in ("event", "feature")
    for end in ("minimum", "median", "maximum")
}
