"""The gate: a response model replaces the champion only where an evaluation says it is better."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retain.manifest import Measured
from training.policies.evaluation import FOLDER


@dataclass(frozen=True, slots=True)
class Verdict:
    """The latest evaluation of a challenger beside the champion.

    Attributes:
        difference: the challenger's value less the champion's, paired, with its interval.
        passes: the lower bound is above zero, on rows neither model learned from.
        evaluation: the file it stands in.
    """

    challenger: str
    champion: str
    difference: Measured
    passes: bool
    evaluation: str

    def as_json(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {
            "champion": self.champion,
            "difference": self.difference.model_dump(),
            "passes": self.passes,
            "evaluation": self.evaluation,
        }


def verdict(evaluations: Path, challenger: str, champion: str) -> Verdict | None:
    """What the latest evaluation of the two says; None where they were never compared."""
    written = sorted((evaluations / FOLDER).glob("*.json"), key=_age, reverse=True)
    for path in written:
        content = json.loads(path.read_text("utf-8"))
        found = content.get("challenges", {}).get(challenger)
        if content.get("champion") == champion and found is not None:
            return Verdict(
                challenger,
                champion,
                Measured.model_validate(found["difference"]),
                bool(found["passes"]),
                path.name,
            )
    return None


def sentence(found: Verdict | None, challenger: str, champion: str) -> str:
    """Why the gate is shut."""
    if found is None:
        return f"{challenger} was never evaluated beside the champion {champion}"
    low, high = found.difference.low, found.difference.high
    return (
        f"{challenger} is not above the champion {champion} beyond chance: "
        f"{found.difference.value:+.4f} [{low:+.4f}, {high:+.4f}] in {found.evaluation}"
    )


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns
