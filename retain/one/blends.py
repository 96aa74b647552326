"""Several blends' scores of one row: what they have in common is computed once.

The counterpart for n rows is :class:`retain.predictors.blend.Blend`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retain.predictors.blend import Blend, Member
from retain.predictors.btyd import MOST_CERTAIN, OrderOdds
from retain.predictors.contributions import Floats
from retain.predictors.linear import CLIP, Linear
from retain.predictors.trees import Trees

Score = Callable[[Floats], float]
_LINEAR, _ODDS, _TREES = range(3)


class Blends:
    """Scores in link space of the same row by each of ``blends``, all of one width."""

    def __init__(self, blends: Sequence[Blend]) -> None:
        linears = [one for blend in blends for one, _ in blend.members if isinstance(one, Linear)]
        self._linears = Linears(linears) if linears else None
        self._blends, self._members = blends, linears
        self._parts = [self._planned(blend, linears) for blend in blends]

    def raw(self, row: Floats) -> list[float]:
        """One score per blend, of a contiguous row, (width,)."""
        linear = [] if self._linears is None else self._linears.raw(row)
        scores = []
        for parts in self._parts:
            score = 0.0
            for place, (number, member, share) in enumerate(parts):
                term = share * (linear[number] if member is None else member(row))
                score = score + term if place else term
            scores.append(score)
        return scores

    def compiled(self) -> tuple[Any, ...] | None:
        """What the same in C is made of: linear models, and every blend's parts.

        None where trees cannot be walked but by LightGBM.
        """
        parts = [
            tuple((*_compiled(member, self._members), share) for member, share in blend.members)
            for blend in self._blends
        ]
        if any(kind is None for blend in parts for kind, _, _ in blend):
            return None
        arrays = Linears(self._members).arrays if self._members else ((),) * 5
        return (CLIP, *arrays), tuple(parts)

    @staticmethod
    def _planned(blend: Blend, linears: Sequence[Linear]) -> list[tuple[int, Score | None, float]]:
        """Of every member which linear model it is, or what scores the row; and its share."""
        parts: list[tuple[int, Score | None, float]] = []
        for member, share in blend.members:
            if isinstance(member, Linear):
                number = next(at for at, one in enumerate(linears) if one is member)
                parts.append((number, None, share))
            elif isinstance(member, Trees):
                parts.append((0, member.raw_of_row, share))
            else:
                parts.append((0, odds_of(member), share))
        return parts


class Linears:
    """As :meth:`retain.predictors.linear.Linear.raw` of one row, for several models at once."""

    def __init__(self, models: Sequence[Linear]) -> None:
        self._center = np.array([one.center for one in models])
        self._scale = np.array([one.scale for one in models])
        self._weights = np.array([one.weights for one in models])
        self._missing = np.array([one.missing for one in models])
        self._intercepts = [one.intercept for one in models]

    @property
    def arrays(self) -> tuple[Any, ...]:
        """Centres, scales, weights and what missing is worth, (models, width); intercepts."""
        return self._center, self._scale, self._weights, self._missing, self._intercepts

    def raw(self, row: Floats) -> list[float]:
        """One score per model."""
        logs = np.copysign(np.log1p(np.abs(row)), row)
        terms = np.minimum(np.maximum((logs - self._center) / self._scale, -CLIP), CLIP)
        gone = np.isnan(row)
        terms[np.isnan(terms)] = 0.0
        terms *= self._weights
        terms += gone * self._missing
        # row by row as the model alone does it: sums are of the same parts in the same order
        sums = np.add.reduce(terms, axis=1).tolist()
        return [start + total for start, total in zip(self._intercepts, sums, strict=True)]


def _compiled(member: Member, linears: Sequence[Linear]) -> tuple[int | None, tuple[Any, ...]]:
    """A member's kind and what that kind is made of, as retain/native/blends.c reads them."""
    if isinstance(member, Linear):
        return _LINEAR, (next(at for at, one in enumerate(linears) if one is member),)
    if isinstance(member, Trees):
        return (None, ()) if member.walker is None else (_TREES, (member.walker.capsule,))
    model, log_a = member.model, np.log(member.model.a).item()
    numbers = (model.r, model.alpha, log_a, model.b, member.horizon_days, MOST_CERTAIN)
    return _ODDS, (*numbers, *member.columns)


def odds_of(member: OrderOdds) -> Score:
    """As :meth:`retain.predictors.btyd.OrderOdds.raw` of one row."""
    model, horizon = member.model, member.horizon_days
    r, alpha, b = model.r, model.alpha, model.b
    log_a = np.log(model.a).item()
    bought, last, first = member.columns
    log, exp, power = np.log, np.exp, np.power

    def raw(row: Floats) -> float:
        since_last, since_first = _known(row.item(last)), _known(row.item(first))
        # a missing age is none, and NaN decides no comparison
        age = max(since_last, since_first)
        frequency = max(_known(row.item(bought)) - 1.0, 0.0)
        recency = age - since_last
        silence, often = log(
            ((alpha + age) / (alpha + recency), b + max(frequency, 1.0) - 1.0)
        ).tolist()
        alive = 1.0
        if frequency > 0:
            log_odds = log_a - often + (r + frequency) * silence
            alive = 1.0 / (1.0 + exp(min(log_odds, 700.0)).item())
        silent = power((alpha + age) / (alpha + age + horizon), r + frequency).item()
        p = min(max(alive * (1.0 - silent), MOST_CERTAIN), 1.0 - MOST_CERTAIN)
        return float(log(p).item() - np.log1p(-p).item())

    return raw


def _known(value: float) -> float:
    return value if value == value else 0.0  # noqa: PLR0124 - NaN alone is not itself
