"""A head after training: what is registered, and how it did beside its dumb rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retain.manifest import Head, Measured, ModelFeature
from retain.predictors.trees import Floats
from training.bootstrap import Comparison


@dataclass(frozen=True, slots=True)
class Judgement:
    """One line of the evaluation: a metric of the model, beside a rule's where it has one."""

    metric: str
    model: Measured
    rule_name: str = ""
    rule: Measured | None = None
    difference: Measured | None = None
    decisive: bool = False

    @classmethod
    def against(
        cls, metric: str, rule_name: str, compared: Comparison, *, decisive: bool = False
    ) -> "Judgement":
        """A line from a paired comparison; the decisive one says whether the head may serve."""
        return cls(metric, compared.model, rule_name, compared.rule, compared.difference, decisive)

    @property
    def beats(self) -> bool:
        """Whether the paired interval is above zero."""
        return self.difference is not None and self.difference.low > 0


@dataclass(frozen=True, slots=True)
class FittedHead:
    """Everything a manifest and an evaluation need.

    Attributes:
        files: name to content, without the manifest.
        notes: what a reader of the evaluation should know, in sentences.
        held: what the evaluated model said of the holdout rows, by name, in their order; the
            curves of the report are drawn from it.
    """

    head: Head
    label: str
    population: str
    features: tuple[ModelFeature, ...]
    rows: int
    files: dict[str, str]
    parameters: dict[str, Any]
    judgements: tuple[Judgement, ...] = ()
    notes: tuple[str, ...] = field(default=())
    held: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def beats_baseline(self) -> bool:
        """Whether every decisive comparison was won."""
        decisive = [line for line in self.judgements if line.decisive]
        return bool(decisive) and all(line.beats for line in decisive)

    @property
    def metrics(self) -> dict[str, Measured]:
        """The model's metrics by name."""
        return {line.metric: line.model for line in self.judgements}

    @property
    def baselines(self) -> dict[str, Measured]:
        """``<rule>.<metric>`` and ``difference.<rule>.<metric>``."""
        found: dict[str, Measured] = {}
        for line in self.judgements:
            if line.rule is not None and line.difference is not None:
                found[f"{line.rule_name}.{line.metric}"] = line.rule
                found[f"difference.{line.rule_name}.{line.metric}"] = line.difference
        return found
