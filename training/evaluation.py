"""The written evaluation: a table a person can read, and the same as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from retain.clock import iso
from retain.manifest import Measured
from retain.reasons.recorded import Leaving
from training.cutoffs import Plan
from training.exclusion import Exclusion
from training.head import FittedHead, Judgement
from training.leaks import Check

_HEADER = ("metric", "model", "rule", "", "difference", "verdict")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One training run as it is written down.

    Attributes:
        heads: every fitted head with the name of its registered model.
        skipped: heads without a model, and why.
        exclusion: customers nothing was learned from, and not judged on either.
        leaving: the recorded reasons for leaving.
        checks: what was looked at to find a leak.
        overview: rows, customers and dates of the data.
    """

    run_id: str
    as_of: datetime
    horizon_days: int
    seed: int
    plan: Plan
    heads: tuple[tuple[str, FittedHead], ...]
    skipped: Mapping[str, str]
    exclusion: Exclusion = field(default_factory=Exclusion)
    leaving: Leaving | None = None
    checks: tuple[Check, ...] = ()
    overview: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, intervals included."""
        return {
            "run_id": self.run_id,
            "as_of": iso(self.as_of),
            "horizon_days": self.horizon_days,
            "seed": self.seed,
            "split": self.plan.statement,
            "cutoffs": [iso(at) for at in self.plan.every],
            "fit_cutoffs": [iso(at) for at in self.plan.fit],
            "validation_cutoffs": [iso(at) for at in self.plan.validation],
            "refit_cutoffs": [iso(at) for at in self.plan.refit],
            "holdout_cutoffs": [iso(at) for at in self.plan.holdout],
            "heads": {
                head.head: {
                    "model": model,
                    "label": head.label,
                    "population": head.population,
                    "rows": head.rows,
                    "beats_baseline": head.beats_baseline,
                    "metrics": {k: v.model_dump() for k, v in head.metrics.items()},
                    "baselines": {k: v.model_dump() for k, v in head.baselines.items()},
                    "parameters": head.parameters,
                    "notes": list(head.notes),
                }
                for model, head in self.heads
            },
            "skipped": dict(self.skipped),
            "abnormal_customers": self.exclusion.as_json(),
            "leakage_checks": [check.as_json() for check in self.checks],
            "data": dict(self.overview),
            "reasons_for_leaving": self.leaving.as_json() if self.leaving else None,
        }

    def text(self) -> str:
        """The table, in at most 100 columns."""
        lines = [
            f"Training run {self.run_id}",
            f"as of {iso(self.as_of)}, labels of {self.horizon_days} days",
            "",
            *_wrapped(self.plan.statement),
            "Every number is from the holdout, with its 95 % interval over resampled customers;",
            "a difference is paired, and positive where the model is better.",
        ]
        for model, head in self.heads:
            lines += ["", f"{model}: {head.label} ({head.rows:,} rows)"]
            if head.judgements:
                lines += _table(head.judgements)
                lines += _wrapped(_verdict(head))
            lines += [part for note in head.notes for part in _wrapped(note)]
            lines += _wrapped(_movers(head)) if "importance" in head.parameters else []
        for name, reason in self.skipped.items():
            lines += ["", f"{name}: no model", *_wrapped(reason)]
        lines += ["", *self.leaving.lines()] if self.leaving else []
        lines.append("")
        lines += [part for note in self.exclusion.notes() for part in _wrapped(note)]
        lines += [part for one in self.checks for part in _wrapped(one.line)]
        return "\n".join(lines)

    def write(self, folder: Path) -> Path:
        """``evaluation.json`` and ``evaluation.txt`` in a folder of the run's name."""
        target = folder / self.run_id
        target.mkdir(parents=True, exist_ok=True)
        content = json.dumps(self.as_json(), indent=2, ensure_ascii=False)
        (target / "evaluation.json").write_text(content + "\n", encoding="utf-8")
        (target / "evaluation.txt").write_text(self.text() + "\n", encoding="utf-8")
        return target


def _movers(head: FittedHead) -> str:
    groups = head.parameters["importance"]["groups"]
    named = ", ".join(f"{one['name']} {one['share']:.0%}" for one in groups if one["share"] >= 0.02)
    return f"What moves it: {named}."


def _verdict(head: FittedHead) -> str:
    decisive = [line for line in head.judgements if line.decisive]
    rules = ", ".join(f"{line.rule_name} on {line.metric}" for line in decisive)
    if head.beats_baseline:
        return f"The model beats its dumb rule ({rules})."
    return (
        f"The model does NOT beat its dumb rule ({rules}): "
        "it is registered, and is promoted only by force and with a reason."
    )


def _table(lines: tuple[Judgement, ...]) -> list[str]:
    rows = [_HEADER, *map(_row, lines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADER))]
    return [
        "  "
        + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(line: Judgement) -> tuple[str, ...]:
    if line.rule is None or line.difference is None:
        return (line.metric, _number(line.model), "", "", "", "")
    lost = "worse" if line.difference.high < 0 else "not told apart"
    return (
        line.metric,
        _number(line.model),
        _number(line.rule),
        line.rule_name,
        _number(line.difference),
        "better" if line.beats else lost,
    )


def _number(measured: Measured) -> str:
    digits = 3 if abs(measured.value) < 10 else 1
    value, low, high = (
        f"{number:.{digits}f}" for number in (measured.value, measured.low, measured.high)
    )
    return f"{value} [{low}, {high}]"


def _wrapped(sentence: str, width: int = 98) -> list[str]:
    lines, line = [], ""
    for word in sentence.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]
