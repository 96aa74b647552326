"""Model rows of one customer: each kind of row made once, whatever number of models read it."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from retain import native
from retain.features.ageing import NUMBERS
from retain.features.sheet import PLACES
from retain.manifest import ModelFeature
from retain.one.blends import Blends
from retain.one.features import STORED_TEXTS, Floats, One
from retain.predictors.blend import Blend
from retain.rule_rows import NAN

_COMPILED = native.compiled("blends")


class Row:
    """A model's vector of one customer, as :class:`retain.features.matrix.Vectors` makes it.

    Raises:
        FingerprintMismatch: a feature is not computed.
    """

    def __init__(self, features: Sequence[ModelFeature]) -> None:
        words = [(at, one) for at, one in enumerate(features) if one.dtype == "category"]
        stored = [(at, one) for at, one in words if one.name in STORED_TEXTS]
        told = [(at, one) for at, one in words if one.name not in STORED_TEXTS]
        others = [
            (at, one.name)
            for at, one in enumerate(features)
            if one.dtype != "category" and one.name not in PLACES
        ]
        self._words = [
            (one.name, {name.encode(): float(code) for code, name in enumerate(one.categories)})
            for _, one in stored
        ]
        self._told = [
            (one.name, {name: float(code) for code, name in enumerate(one.categories)})
            for _, one in told
        ]
        self._others = [name for _, name in others]
        self.puts = np.array([at for at, _ in (*stored, *told, *others)], dtype=np.intp)
        self.places = np.array([PLACES.get(one.name, 0) for one in features], dtype=np.intp)
        self.defaults = np.array(
            [np.nan if one.null_default is None else one.null_default for one in features]
        )
        self._all_missing = bool(np.isnan(self.defaults).all())

    def put(self, one: One) -> list[float]:
        """What is not among the read-time numbers, in the order of :attr:`puts`."""
        values = [codes.get(one.stored.raw(name), NAN) for name, codes in self._words]  # type: ignore[arg-type]
        values += [given.get(one[name], NAN) for name, given in self._told]
        values += [one[name] for name in self._others]
        return values

    def of(self, one: One) -> Floats:
        """The contiguous vector, (d,)."""
        row = one.vector.take(self.places)
        row[self.puts] = self.put(one)
        if not self._all_missing:
            np.copyto(row, self.defaults, where=np.isnan(row))
        return row


class Scored:
    """Blends of rows of one kind."""

    def __init__(self, features: Sequence[ModelFeature], blends: Sequence[Blend]) -> None:
        self._row = Row(features)
        self._blends = Blends(blends)
        made = self.compiled(_COMPILED)
        self.scores: Callable[[One], list[float]] = self.plain if made is None else made

    def plain(self, one: One) -> list[float]:
        """The scores in link space of every blend."""
        return self._blends.raw(self._row.of(one))

    def compiled(self, module: Any) -> Callable[[One], list[float]] | None:
        """The same in C; None where it was not compiled, or does not know all models."""
        parts = None if module is None else self._blends.compiled()
        if parts is None:
            return None
        row = self._row
        put = row.put
        arguments = (len(NUMBERS), row.places, row.puts, row.defaults, *parts)
        made = native.made(module.Blends, *arguments)
        if made is None:
            return None
        raw: Callable[[Floats, list[float]], list[float]] = made.raw
        return lambda one: raw(one.vector, put(one))


class Board:
    """Blends of several models, each asked once for a customer."""

    def __init__(self) -> None:
        self._features: list[tuple[ModelFeature, ...]] = []
        self._blends: list[list[Blend]] = []
        self._places: dict[Hashable, tuple[int, int]] = {}
        self._planned: list[Scored] = []

    def place(
        self, key: Hashable, features: Sequence[ModelFeature], blend: Blend
    ) -> tuple[int, int]:
        """Where in the answers of :meth:`scores` the blend's will be; the same key is the same."""
        if key not in self._places:
            own = tuple(features)
            if own not in self._features:
                self._features.append(own)
                self._blends.append([])
            group = self._features.index(own)
            self._blends[group].append(blend)
            self._places[key] = group, len(self._blends[group]) - 1
        return self._places[key]

    def plan(self) -> None:
        """Nothing is placed any more."""
        self._planned = [
            Scored(features, blends)
            for features, blends in zip(self._features, self._blends, strict=True)
        ]

    def scores(self, one: One) -> list[list[float]]:
        """The scores in link space of everything placed."""
        return [each.scores(one) for each in self._planned]
