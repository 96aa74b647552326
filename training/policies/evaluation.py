"""An evaluation of policies on one log: what each would have brought, side by side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retain.manifest import Measured
from retain.predictors.trees import Floats
from training.bootstrap import Bootstrap, Comparison
from training.policies.estimators import (
    DR,
    IPS,
    REPLICATES,
    SNIPS,
    compare,
    effective_sample_size,
    estimate,
    supported,
)
from training.policies.log import Log

LEAST_SUPPORT = 0.99
LEAST_EFFECTIVE = 100.0
FOLDER = "policies"
_HEADER = ("policy", "DR", "IPS", "SNIPS", "above logged (DR)", "ESS", "support", "acts on")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy to be evaluated: its probabilities of every action, (n, k).

    ``model`` names the registered model it follows, where it follows one.
    """

    name: str
    policy: Floats
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One policy's value by three estimators, and how much of the log speaks of it.

    Attributes:
        difference: to the policy that logged, by DR, paired.
        effective: rows of the logging policy's own that the estimate is worth.
        support: share of its choices that the logging policy could have made.
        acts: share of customers for whom it does anything.
    """

    name: str
    model: str | None
    dr: Measured
    ips: Measured
    snips: Measured
    difference: Measured
    effective: float
    support: float
    acts: float

    @property
    def told(self) -> bool:
        """Whether the log can speak of this policy at all."""
        return self.support >= LEAST_SUPPORT and self.effective >= LEAST_EFFECTIVE

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "policy": self.name,
            "model": self.model,
            **{name: getattr(self, name).model_dump() for name in ("dr", "ips", "snips")},
            "difference_to_logged": self.difference.model_dump(),
            "effective_sample_size": self.effective,
            "support": self.support,
            "acts_on": self.acts,
            "told": self.told,
        }


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The lines of one evaluation, and every challenger beside the champion.

    Attributes:
        about: what was evaluated on what, for a reader.
        challenges: per challenging model, its value less the champion's by DR, paired.
        seen: models that learned from rows they are evaluated on.
    """

    about: Mapping[str, Any]
    lines: tuple[Line, ...]
    champion: str | None = None
    challenges: Mapping[str, Comparison] = field(default_factory=dict)
    seen: tuple[str, ...] = ()

    def passes(self, model: str) -> bool:
        """Whether ``model`` is above the champion beyond chance, on rows neither learned from."""
        told = all(line.told for line in self.lines if line.model in (model, self.champion))
        unseen = model not in self.seen and self.champion not in self.seen
        return told and unseen and model in self.challenges and self.challenges[model].beats

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; the gate reads ``challenges``."""
        return {
            **self.about,
            "policies": [line.as_json() for line in self.lines],
            "champion": self.champion,
            "learned_from_these_rows": list(self.seen),
            "challenges": {
                model: {
                    "difference": one.difference.model_dump(),
                    "p_value": one.p_value,
                    "passes": self.passes(model),
                }
                for model, one in self.challenges.items()
            },
        }

    def rows(self) -> list[tuple[str, ...]]:
        """The table's cells, the header first."""
        return [_HEADER, *map(_cells, self.lines)]

    def sentences(self) -> list[str]:
        """What the table says of challengers, and where it says nothing."""
        said = []
        for model, one in self.challenges.items():
            low, high = one.difference.low, one.difference.high
            word = "may replace" if self.passes(model) else "may not replace"
            said.append(
                f"{model} {word} {self.champion}: difference {one.difference.value:+.4f} "
                f"[{low:+.4f}, {high:+.4f}]"
            )
        said += [
            f"{model} learned from rows it is evaluated on, which flatters it: to be promoted, it "
            "must be judged on later ones; `retain train --as-of` an earlier day leaves some"
            for model in self.seen
        ]
        said += [
            f"the log says too little of {line.name!r}: support {line.support:.0%}, "
            f"effective sample {line.effective:.0f}"
            for line in self.lines
            if not line.told
        ]
        return said

    def write(self, evaluations: Path, name: str) -> Path:
        """The evaluation as JSON, under the folder of evaluations."""
        folder = evaluations / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{name}.json"
        target.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")
        return target


def evaluate(
    log: Log,
    candidates: Sequence[Candidate],
    *,
    reward_model: Floats | None,
    about: Mapping[str, Any],
    champion: str | None = None,
    seen: Sequence[str] = (),
    seed: int = 7,
) -> Evaluated:
    """Every candidate's value on ``log``, and each other model against the champion.

    Args:
        log: decisions with the probabilities they were made by.
        candidates: the policies.
        reward_model: predicted reward of every action, (n, k), from other rows than these; NaN
            where nothing is known.
        about: what a reader is told.
        champion: the model that answers now.
        seen: models that learned from these rows.
        seed: of the bootstrap.
    """
    bootstrap = Bootstrap(log.units, seed, REPLICATES)
    lines = tuple(_line(one, log, bootstrap, reward_model) for one in candidates)
    named = {one.model: one for one in candidates if one.model is not None}
    challenges = {}
    if champion in named:
        standing = named[champion].policy
        challenges = {
            model: compare(DR, one.policy, standing, log, bootstrap, model=reward_model)
            for model, one in named.items()
            if model != champion
        }
    return Evaluated(about, lines, champion, challenges, tuple(seen))


def _line(one: Candidate, log: Log, bootstrap: Bootstrap, model: Floats | None) -> Line:
    beside = compare(DR, one.policy, log.chance, log, bootstrap, model=model)
    return Line(
        one.name,
        one.model,
        beside.model,
        estimate(IPS, one.policy, log, bootstrap),
        estimate(SNIPS, one.policy, log, bootstrap),
        beside.difference,
        effective_sample_size(one.policy, log),
        supported(one.policy, log),
        float(1.0 - one.policy[:, 0].mean()),
    )


def _cells(line: Line) -> tuple[str, ...]:
    measured = (line.dr, line.ips, line.snips, line.difference)
    return (
        line.name,
        *(f"{one.value:.4f} [{one.low:.4f}, {one.high:.4f}]" for one in measured),
        f"{line.effective:,.0f}",
        f"{line.support:.0%}",
        f"{line.acts:.0%}",
    )
