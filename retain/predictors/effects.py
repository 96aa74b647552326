"""Effects: the outcome with and without an action, by any of the learners of uplift.

============ ================== ============================================================
learner      models             what an action adds
============ ================== ============================================================
constant     control            the same for everybody: the action's measured mean
proportional outcome            a share, one per action, of the outcome expected with it
s            outcome            outcome if treated less outcome if not (Künzel et al. 2019)
t            control, treated   the difference of two models (Künzel et al. 2019)
dr           control, effect    a model of doubly robust pseudo-outcomes (Kennedy 2020)
response     treated            unknown: nobody was held out
============ ================== ============================================================

What all but the first and the last say is levelled: their spread is multiplied by a slope between
0 and 1, and their mean moved to the action's measured mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from retain.predictors import calibrator
from retain.predictors.trees import Floats, Trees

Learner = Literal["constant", "proportional", "s", "t", "dr", "response"]
Codes = NDArray[np.intp]

MODELS: Mapping[str, tuple[str, ...]] = {
    "constant": ("control",),
    "proportional": ("outcome",),
    "s": ("outcome",),
    "t": ("control", "treated"),
    "dr": ("control", "effect"),
    "response": ("treated",),
}


class Model(Protocol):
    """Rows (m, d) to what is expected of each, (m,)."""

    def __call__(self, rows: Floats) -> Floats:
        """Expected outcomes, or effects."""
        ...


@dataclass(frozen=True, slots=True)
class Scored:
    """Trees and what makes a probability of their score; without it the score is the answer."""

    trees: Trees
    calibrated: calibrator.Calibrator | None = None

    def __call__(self, rows: Floats) -> Floats:
        """Probabilities, or plain scores."""
        raw = self.trees.raw(rows)
        return raw if self.calibrated is None else self.calibrated.probability(raw)


@dataclass(frozen=True, slots=True)
class Level:
    """``slope * predicted + offset`` of the action: an effect as far as it proved itself."""

    slope: float
    offsets: Floats

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"slope": self.slope, "offsets": self.offsets.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Level":
        """What :meth:`to_json` wrote."""
        return cls(float(content["slope"]), np.array(content["offsets"], dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Effects:
    """A learned model of k actions.

    Attributes:
        separate: whether each trial offered one action only; then the kind of trial, which is
            the action's, is an input of what is expected without it.
        bounded: whether outcomes are probabilities.
        factors: of ``proportional``: what an action adds over what is expected with it, (k,).
    """

    learner: Learner
    actions: int
    separate: bool
    models: Mapping[str, Model]
    level: Level
    bounded: bool = True
    factors: Floats | None = None

    def outcomes(self, matrix: Floats, codes: Sequence[int] | Codes) -> tuple[Floats, Floats]:
        """Expected outcome with and without each of the actions ``codes``, each (n, a).

        Without a hold-out nothing is known of the outcome without: NaN.
        """
        asked = np.asarray(codes, dtype=np.intp)
        if self.learner == "response":
            treated = self._ask("treated", matrix, asked, 1.0)
            return treated, np.full(treated.shape, np.nan)
        if self.learner == "s":
            treated, control = self._both(matrix, asked)
        elif self.factors is not None:
            with_it, control = self._both(matrix, asked)
            treated = control + self.factors[asked] * with_it
        else:
            control = self._ask("control", matrix, asked, 0.0)
            treated = control
            if self.learner == "t":
                treated = self._ask("treated", matrix, asked, 1.0)
            elif self.learner == "dr":
                treated = control + self._ask("effect", matrix, asked, 1.0)
        effect = self.level.slope * (treated - control) + self.level.offsets[asked]
        with_action = control + effect
        if self.bounded:
            with_action = np.minimum(np.maximum(with_action, 0.0), 1.0)
        return with_action, control

    def _both(self, matrix: Floats, codes: Codes) -> tuple[Floats, Floats]:
        flat = self.models["outcome"](self._rows("outcome", matrix, codes, 1.0, 0.0))
        arms = flat.reshape(2, len(codes), len(matrix)).transpose(0, 2, 1)
        return arms[0], arms[1]

    def _ask(self, name: str, matrix: Floats, codes: Codes, treated: float) -> Floats:
        if name == "control" and not self.separate:
            alone = self.models[name](self._rows(name, matrix, codes[:1], treated))
            return np.repeat(alone[:, np.newaxis], len(codes), axis=1)
        flat = self.models[name](self._rows(name, matrix, codes, treated))
        return flat.reshape(len(codes), len(matrix)).T

    def _rows(self, name: str, matrix: Floats, codes: Codes, *arms: float) -> Floats:
        """Every row with each code, in each arm: arms apart, then codes."""
        if len(matrix) == 1:
            behind = _behind(name, tuple(codes.tolist()), arms, self.actions, self.separate)
            width = matrix.shape[1]
            made = np.empty((len(behind), width + behind.shape[1]))
            made[:, :width] = matrix
            made[:, width:] = behind
            return made
        many = np.tile(matrix, (len(arms) * len(codes), 1))
        each = np.tile(np.repeat(codes, len(matrix)), len(arms))
        treated = np.repeat(arms, len(codes) * len(matrix))
        return design(name, many, each, treated, self.actions, separate=self.separate)


def design(
    name: str,
    matrix: Floats,
    codes: Codes,
    treated: float | Floats,
    actions: int,
    *,
    separate: bool,
) -> Floats:
    """The input of model ``name``: features, then the columns :func:`columns` names.

    Args:
        name: one of the models of :data:`MODELS`.
        matrix: features, (m, d).
        codes: each row's action, (m,).
        treated: 1 where it is carried out.
        actions: how many there are.
        separate: as of :class:`Effects`.
    """
    one_hot = np.zeros((len(matrix), actions))
    one_hot[np.arange(len(matrix)), codes] = 1.0
    carried = np.broadcast_to(np.asarray(treated, dtype=np.float64), len(matrix))[:, np.newaxis]
    offered = [one_hot] if separate and name in ("outcome", "control") else []
    if name == "control":
        return np.hstack([matrix, *offered])
    if name == "outcome":
        return np.hstack([matrix, *offered, one_hot * carried, carried])
    return np.hstack([matrix, one_hot])


@lru_cache(maxsize=1_024)
def _behind(
    name: str, codes: tuple[int, ...], arms: tuple[float, ...], actions: int, separate: bool
) -> Floats:
    """What :func:`design` puts behind one row with each code in each arm: for all customers."""
    each = np.tile(np.array(codes, dtype=np.intp), len(arms))
    treated = np.repeat(arms, len(codes))
    return design(name, np.empty((len(each), 0)), each, treated, actions, separate=separate)


def columns(name: str, actions: int, *, separate: bool) -> tuple[str, ...]:
    """What :func:`design` puts behind the features."""
    offered = tuple(f"offered_{at}" for at in range(actions)) if separate else ()
    taken = tuple(f"action_{at}" for at in range(actions))
    return {"control": offered, "outcome": (*offered, *taken, "treated")}.get(name, taken)
