"""Lifetime value: net revenue within the horizon, with an interval and a tier."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from retain.predictors.artefact import Artefact
from retain.predictors.blend import Blend
from retain.predictors.calibrator import Platt
from retain.predictors.contributions import Contributions, Season
from retain.predictors.trees import Floats
from retain.predictors.yearly import Times, Yearly


@dataclass(frozen=True, slots=True)
class LtvValue:
    """Expected net revenue and its 80 % interval, each (n,), in the customer's currency."""

    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Interval:
    """Outcome ÷ prediction at the interval's ends, by predicted value (split-conformal).

    The ratios of each group of predicted values are held at the group's centre and
    interpolated between centres over the logarithm of the prediction.
    """

    log_values: Floats
    low_ratios: Floats
    high_ratios: Floats

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """From the numbers :meth:`to_json` wrote."""
        return cls(*(np.array(content[name], dtype=np.float64) for name in cls.__slots__))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {name: getattr(self, name).tolist() for name in self.__slots__}

    def around(self, value: Floats) -> tuple[Floats, Floats]:
        """The interval's ends for each predicted value."""
        place = np.log(np.maximum(value, 1e-9))
        low = value * np.interp(place, self.log_values, self.low_ratios)
        high = value * np.interp(place, self.log_values, self.high_ratios)
        return np.minimum(low, value), np.maximum(high, value)


class LtvPredictor:
    """Tweedie (one model) or hurdle (probability of buying times amount if so)."""

    def __init__(self, artefact: Artefact) -> None:
        self.manifest = artefact.manifest
        tiers = self.manifest.parameters["tiers"]
        self.tier_names = [str(name) for name in tiers["names"]]
        self.tier_edges = [float(edge) for edge in tiers["edges"]]
        content = artefact.json("value.json")
        self.level = float(content["level"])
        self._amount = Blend.from_files(artefact.text("model.txt"), artefact.json("model.json"))
        self._buys: tuple[Blend, Platt] | None = None
        if content["kind"] == "hurdle":
            blend = Blend.from_files(artefact.text("buys.txt"), artefact.json("buys.json"))
            self._buys = blend, Platt(content["buys"]["slope"], content["buys"]["offset"])
        self.yearly = Yearly.from_json(artefact.json("season.json"))
        self.interval = Interval.from_json(artefact.json("interval.json"))

    @property
    def blends(self) -> tuple[Blend, ...]:
        """The amount's, and that of buying at all where there is one."""
        return (self._amount,) if self._buys is None else (self._amount, self._buys[0])

    @property
    def buys(self) -> Platt | None:
        """The calibration of buying at all."""
        return None if self._buys is None else self._buys[1]

    def value(self, matrix: Floats, as_of: Times) -> LtvValue:
        """Values for an (n, d) matrix in manifest order, from each moment on, (n,)."""
        value = self.level * np.exp(self._amount.raw(matrix))
        if self._buys is not None:
            blend, calibrator = self._buys
            value = value * calibrator.probability(blend.raw(matrix))
        value = value * self.yearly.at(as_of)[:, 0]
        return LtvValue(value, *self.interval.around(value))

    def contributions(self, matrix: Floats) -> Contributions:
        """What each column adds to the logarithm of the value, before the season."""
        amount = self._amount.contributions(matrix)
        amount = Contributions(amount.values, amount.base + np.log(self.level))
        if self._buys is None:
            return amount
        blend, calibrator = self._buys
        buys = blend.contributions(matrix)
        logs = (np.log(calibrator.probability(one)) for one in (buys.score, buys.base))
        return amount + buys.mapped(*logs)

    def season(self, matrix: Floats, as_of: Times) -> Season:  # noqa: ARG002
        """What the season adds to the logarithm of the value."""
        worth = self.yearly.at(as_of)[:, 0]
        return Season(np.log(worth), worth, float(self.manifest.horizon_days))

    def tier(self, value: Floats) -> list[str]:
        """The tier's name for each value; edges are quantiles of the training customers."""
        found = np.searchsorted(self.tier_edges, value, side="right")
        return [self.tier_names[position] for position in found]
