"""What rolling cutoffs say in one breath: beside the blend, and about the level.

The bars are the project's own (issue 4); a bar that is missed is said so, with the number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.baselines import BLEND, TITLES
from training.comparisons import NAMES, QUESTIONS, RANKING, Standing
from training.holm import adjusted
from training.metrics import BRIER
from training.rolling import name_of
from training.rolling_cutoffs import RollingCutoff

SIGNIFICANCE = 0.05
METRICS_AT_OR_ABOVE = 3
REVENUE_BIAS = 0.25
REVENUE_BIAS_SHARE = 0.7
BUYERS_BIAS = 0.12
ECE = 0.05
UNADJUSTED = ("bgnbd", "regression", "lightgbm", BLEND)

At = Sequence[tuple[RollingCutoff, Mapping[str, Standing]]]


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that is asked for, whether it is so, and the sentence that says it."""

    name: str
    met: bool
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"name": self.name, "met": self.met, "sentence": self.sentence}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Bars, the means they were read from, and every comparison with its corrected p-value."""

    bars: tuple[Bar, ...]
    means: Mapping[str, Mapping[str, float]]
    comparisons: tuple[Mapping[str, Any], ...]
    cutoffs: int

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "cutoffs": self.cutoffs,
            "bars": [bar.as_json() for bar in self.bars],
            "means": {name: dict(one) for name, one in self.means.items()},
            "comparisons_with_the_blend": [dict(one) for one in self.comparisons],
        }


def judge(at: At) -> Verdict:
    """The verdict over the cutoffs that count; over all of them where none does."""
    counted = [one for one in at if one[0].counted] or list(at)
    comparisons = _comparisons(counted)
    means = {name: _means(counted, name) for name in QUESTIONS}
    bars = (*_blend_bars(comparisons, means), *_level_bars(means))
    return Verdict(bars, means, tuple(comparisons), len(counted))


def _comparisons(at: At) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "cutoff": name_of(cutoff),
            "metric": metric,
            "difference": beside.difference.model_dump(),
            "p_value": beside.p_value,
        }
        for cutoff, standings in at
        for metric in RANKING
        if metric in standings and (beside := standings[metric].baselines.get(BLEND))
    ]
    for one, p_value in zip(found, adjusted([one["p_value"] for one in found]), strict=True):
        one["holm_p_value"] = p_value
        one["significantly_worse"] = p_value < SIGNIFICANCE and one["difference"]["value"] < 0
        one["significantly_better"] = p_value < SIGNIFICANCE and one["difference"]["value"] > 0
    return found


def _means(at: At, metric: str) -> dict[str, float]:
    """Mean over cutoffs by who gave it, of those who answer at every one; of a bias its size."""
    size = abs if metric.endswith("_bias") else float
    found: dict[str, list[float]] = {}
    for _, standings in at:
        if metric not in standings:
            continue
        found.setdefault("retain", []).append(size(standings[metric].ours.value))
        for name, beside in standings[metric].baselines.items():
            found.setdefault(name, []).append(size(beside.value.value))
    whole = len(found.get("retain", []))
    return {name: float(np.mean(v)) for name, v in found.items() if len(v) == whole}


def _blend_bars(
    comparisons: Sequence[Mapping[str, Any]], means: Mapping[str, Mapping[str, float]]
) -> list[Bar]:
    if not comparisons:
        return []
    worse = [one for one in comparisons if one["significantly_worse"]]
    named = "; ".join(
        f"{NAMES[one['metric']]} at {one['cutoff']} ({one['difference']['value']:+.4f}, "
        f"corrected p {max(one['holm_p_value'], 0.001):.3f})"
        for one in worse
    )
    compared = {name: means[name] for name in RANKING if BLEND in means[name]}
    at_or_above = [name for name, one in compared.items() if _better(name, one) >= 0]
    words = ", ".join(
        f"{NAMES[name]} {one['retain']:.4f} against {one[BLEND]:.4f}"
        for name, one in compared.items()
    )
    return [
        Bar(
            "not_worse_than_the_blend",
            not worse,
            f"Significantly worse than the blend: {named}."
            if worse
            else f"Not significantly worse than the blend in any of {len(comparisons)} "
            "comparisons (Holm-corrected).",
        ),
        Bar(
            "mean_at_or_above_the_blend",
            len(at_or_above) >= METRICS_AT_OR_ABOVE,
            f"In the mean over cutoffs at or above the blend on {len(at_or_above)} of "
            f"{len(compared)} metrics: {words}.",
        ),
    ]


def _better(metric: str, means: Mapping[str, float]) -> float:
    sign = -1.0 if QUESTIONS[metric].metric is BRIER else 1.0
    return sign * (means["retain"] - means[BLEND])


def _level_bars(means: Mapping[str, Mapping[str, float]]) -> list[Bar]:
    bars = []
    revenue, buyers, ece = (means[name] for name in ("revenue_bias", "buyers_bias", "churn_ece"))
    if "retain" in revenue:
        rivals = {name: revenue[name] for name in UNADJUSTED if name in revenue}
        best = min(rivals, key=lambda name: rivals[name])
        ours, limit = revenue["retain"], REVENUE_BIAS_SHARE * rivals[best]
        bars += [
            Bar(
                "revenue_level",
                ours <= REVENUE_BIAS,
                f"Total revenue is wrong by {ours:.1%} in the mean; the bar is {REVENUE_BIAS:.0%}.",
            ),
            Bar(
                "revenue_level_against_baselines",
                ours <= limit,
                f"The best unadjusted baseline ({TITLES[best]}) is wrong by {rivals[best]:.1%}; "
                f"{REVENUE_BIAS_SHARE} of that is {limit:.1%}, and Retain has {ours:.1%}.",
            ),
        ]
    if "retain" in buyers:
        bars.append(
            Bar(
                "buyers_level",
                buyers["retain"] <= BUYERS_BIAS,
                f"The number of buyers is wrong by {buyers['retain']:.1%} in the mean; "
                f"the bar is {BUYERS_BIAS:.0%}.",
            )
        )
    if "retain" in ece:
        bars.append(
            Bar(
                "calibration",
                ece["retain"] <= ECE,
                f"The mean expected calibration error of churn is {ece['retain']:.3f}; "
                f"the bar is {ECE}.",
            )
        )
    return bars
