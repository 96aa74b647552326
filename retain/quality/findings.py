"""What the checks found, graded: for people, for programs and for Prometheus."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

Severity = Literal["ok", "warn", "fail"]
_GRAVITY: dict[Severity, int] = {"ok": 0, "warn": 1, "fail": 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement.

    Attributes:
        check: what was looked at: ``drift``, ``volume``, ``silence``, ``bot`` …
        subject: what it is about: a feature, an event type, a property, a customer.
        value: what was measured, in the unit the sentence names.
        threshold: the value it was graded against.
        sentence: what it means and what to do.
    """

    severity: Severity
    check: str
    subject: str
    value: float
    threshold: float
    sentence: str


class Sample(NamedTuple):
    """One Prometheus sample; labels never hold a customer's id."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings, the worst first, and the numbers behind them."""

    findings: tuple[Finding, ...] = ()
    samples: tuple[Sample, ...] = ()

    def __add__(self, other: "Findings") -> "Findings":
        """Both together, the worst first."""
        return findings_of((*self.findings, *other.findings), (*self.samples, *other.samples))

    def worst(self) -> Severity:
        """The gravest severity; ``ok`` where nothing was found."""
        return max((f.severity for f in self.findings), key=_GRAVITY.__getitem__, default="ok")

    def metrics(self) -> list[Sample]:
        """Every number, and how many findings each check has, without customers' ids."""
        counts = Counter((f.check, f.severity) for f in self.findings)
        graded = [
            Sample("retain_quality_findings", {"check": check, "severity": severity}, float(count))
            for (check, severity), count in sorted(counts.items())
        ]
        return [*self.samples, *graded]

    def text(self) -> str:
        """A table for a terminal: one finding a line."""
        if not self.findings:
            return "ok    nothing to report"
        width = max(len(f.check) for f in self.findings)
        return "\n".join(f"{f.severity:<5} {f.check:<{width}} {f.sentence}" for f in self.findings)

    def to_json(self) -> str:
        """``{"worst": …, "findings": […]}``."""
        return json.dumps(self.as_json(), ensure_ascii=False, allow_nan=False)

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {"worst": self.worst(), "findings": [asdict(f) for f in self.findings]}


def findings_of(found: Iterable[Finding], samples: Iterable[Sample] = ()) -> Findings:
    """``found`` in order of gravity, otherwise as given."""
    ordered = sorted(found, key=lambda finding: -_GRAVITY[finding.severity])
    return Findings(tuple(ordered), tuple(samples))


def graded(value: float, *, warn: float, fail: float) -> Severity:
    """How grave ``value`` is where more is worse."""
    return "fail" if value >= fail else "warn" if value >= warn else "ok"
