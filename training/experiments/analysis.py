"""An experiment at a moment: balance, effects and guardrails, from exposures and outcomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retain.clock import from_micros, iso, to_micros
from retain.experiments.declaration import Experiment, Guardrail
from training.experiments import balance, contrasts, sizes
from training.experiments.balance import Balance
from training.experiments.boundaries import tuned
from training.experiments.effects import Effect, estimate
from training.experiments.exposures import Exposures
from training.experiments.outcomes import MICROSECONDS_PER_DAY
from training.experiments.sizes import Sample
from training.experiments.sums import Sums, running

Floats = NDArray[np.float64]

UNSIZED = 10_000
"""Where no sample is stated (a bandit), intervals are tightest at this many customers."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A guardrail metric under one comparison."""

    guardrail: Guardrail
    effect: Effect

    @property
    def verdict(self) -> Literal["harmed", "safe", "open", "too_early"]:
        """Whether it got worse by more than is tolerated; these metrics are worse when higher."""
        found = self.effect.difference.last()
        if found is None:
            return "too_early"
        with np.errstate(invalid="ignore"):
            if (self.effect.difference.low > self.guardrail.tolerated).any():
                return "harmed"
        return "safe" if found.high <= self.guardrail.tolerated else "open"

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        found = {**self.effect.as_json(), "verdict": self.verdict}
        return {**found, "tolerated": self.guardrail.tolerated}


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of an experiment at ``as_of``.

    Attributes:
        sums: by metric, of the customers whose window is over, at the end of each of ``days``.
        primary: of the metric that decides; ``secondary`` of the other one.
        alpha: of each comparison.
        sample: stated in advance, None where it was not.
        notes: what a reader must know before believing the rest.
    """

    experiment: Experiment
    as_of: datetime
    exposures: Exposures
    days: tuple[datetime, ...]
    sums: Mapping[str, Sums]
    balance: Balance
    primary: tuple[Effect, ...]
    secondary: tuple[Effect, ...]
    guardrails: tuple[Guarded, ...]
    alpha: float
    sample: Sample | None
    notes: tuple[str, ...]

    @property
    def complete(self) -> int:
        """Customers whose window is over."""
        return int(self.sums["conversion"].customers[-1].sum())

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        last = {name: one.means[-1].tolist() for name, one in self.sums.items()}
        cells = [cell.name for cell in self.experiment.cells]
        counts = self.sums["conversion"].customers[-1]
        return {
            "experiment": self.experiment.name,
            "question": self.experiment.question,
            "as_of": iso(self.as_of),
            "exposed": len(self.exposures),
            "complete": self.complete,
            "required": None if self.sample is None else self.sample.as_json(),
            "balance": self.balance.as_json(),
            "arms": [
                {
                    "arm": name,
                    "complete": int(counts[place]),
                    **{metric: _number(means[place]) for metric, means in last.items()},
                }
                for place, name in enumerate(cells)
            ],
            "primary": [one.as_json() for one in self.primary],
            "secondary": [one.as_json() for one in self.secondary],
            "guardrails": [one.as_json() for one in self.guardrails],
            "notes": list(self.notes),
        }


def analyse(
    experiment: Experiment, exposures: Exposures, measured: Mapping[str, Floats], as_of: datetime
) -> Analysis:
    """What ``exposures`` and their outcomes say at ``as_of``.

    Args:
        experiment: as declared.
        exposures: n of them, up to ``as_of``.
        measured: each metric, (n,), of :func:`training.experiments.outcomes.measure`.
        as_of: exposures whose window ends later are counted and not judged.
    """
    days, look = _looks(exposures, experiment.design.window_days, as_of)
    over = look >= 0
    shape = (len(days), len(experiment.cells))
    cap = experiment.design.revenue_cap
    sums = {
        name: running(
            (np.minimum(values, cap) if name == "revenue" and cap else values)[over],
            exposures.arm[over],
            exposures.share[over],
            look[over],
            shape,
        )
        for name, values in measured.items()
    }
    sample = sizes.required(experiment)
    asked = contrasts.of(experiment)
    alpha = experiment.design.alpha / contrasts.deciding(asked)
    precision = tuned(sample.always_valid if sample else UNSIZED, alpha)

    def effects(metric: str) -> tuple[Effect, ...]:
        return tuple(
            estimate(metric, sums[metric], one, precision=precision, alpha=alpha) for one in asked
        )

    other = "revenue" if experiment.design.primary == "conversion" else "conversion"
    return Analysis(
        experiment=experiment,
        as_of=as_of,
        exposures=exposures,
        days=days,
        sums=sums,
        balance=balance.check(
            [cell.name for cell in experiment.cells], exposures.counts(), exposures.periods
        ),
        primary=effects(experiment.design.primary),
        secondary=effects(other),
        guardrails=tuple(
            Guarded(guardrail, effect)
            for guardrail in experiment.guardrails
            for effect in effects(guardrail.metric)
            if effect.contrast.kind != "interaction"
        ),
        alpha=alpha,
        sample=sample,
        notes=_notes(exposures),
    )


def _looks(
    exposures: Exposures, window_days: int, as_of: datetime
) -> tuple[tuple[datetime, ...], NDArray[np.intp]]:
    """The ends of days since the first window was over, and at which of them each row counts.

    A row whose window is not over is at -1.
    """
    ends = exposures.at + window_days * MICROSECONDS_PER_DAY
    over = ends <= to_micros(as_of)
    if not over.any():
        return (as_of,), np.full(len(ends), -1, dtype=np.intp)
    first = int(ends.min() // MICROSECONDS_PER_DAY)
    last = (to_micros(as_of) - 1) // MICROSECONDS_PER_DAY
    days = [from_micros((day + 1) * MICROSECONDS_PER_DAY) for day in range(first, last + 1)]
    look = np.where(over, np.minimum(ends // MICROSECONDS_PER_DAY, last) - first, -1)
    return tuple(min(day, as_of) for day in days), look.astype(np.intp)


def _notes(exposures: Exposures) -> tuple[str, ...]:
    notes = []
    if exposures.altered:
        notes.append(
            f"{exposures.altered:,} customers were assigned with other shares than are declared "
            "now: shares were changed while it ran. Declare a new experiment instead."
        )
    if exposures.mixed:
        notes.append(
            f"{exposures.mixed:,} customers met more than one arm and are left out: their ids were "
            "joined, or another system assigned them again."
        )
    if exposures.unknown:
        named = ", ".join(f"{name} ({times:,})" for name, times in exposures.unknown.items())
        notes.append(f"Exposures name arms that are not declared and were left out: {named}.")
    return tuple(notes)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def until(experiment: Experiment, now: datetime) -> datetime:
    """The moment up to which ``experiment`` is known: outcomes count until its last window ends."""
    if experiment.end is None:
        return now
    return min(now, experiment.end + timedelta(days=experiment.design.window_days))
