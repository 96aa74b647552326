"""Model rows of one customer: each kind of row made once, whatever number of models read it."""

from collections.abc import Hashable, Sequence

import numpy as np

from retain.features.sheet import PLACES
from retain.manifest import ModelFeature
from retain.one.blends import Blends
from retain.one.features import STORED_TEXTS, Floats, One
from retain.predictors.blend import Blend


class Row:
    """A model's vector of one customer, as :class:`retain.features.matrix.Vectors` makes it.

    Raises:
        FingerprintMismatch: a feature is not computed.
    """

    def __init__(self, features: Sequence[ModelFeature]) -> None:
        self._others = [
            (place, one.name)
            for place, one in enumerate(features)
            if one.dtype != "category" and one.name not in PLACES
        ]
        words = [(at, one) for at, one in enumerate(features) if one.dtype == "category"]
        self._words = [
            (place, one.name, {name.encode(): float(at) for at, name in enumerate(one.categories)})
            for place, one in words
            if one.name in STORED_TEXTS
        ]
        self._told = [
            (place, one.name, {name: float(at) for at, name in enumerate(one.categories)})
            for place, one in words
            if one.name not in STORED_TEXTS
        ]
        self._places = np.array([PLACES.get(one.name, 0) for one in features], dtype=np.intp)
        self._defaults = np.array(
            [np.nan if one.null_default is None else one.null_default for one in features]
        )
        self._all_missing = bool(np.isnan(self._defaults).all())

    def of(self, one: One) -> Floats:
        """The contiguous vector, (d,)."""
        row = one.vector.take(self._places)
        for place, name, codes in self._words:
            row[place] = codes.get(one.stored.raw(name), np.nan)  # type: ignore[arg-type]
        for place, name, given in self._told:
            row[place] = given.get(one[name], np.nan)
        for place, name in self._others:
            row[place] = one[name]
        if not self._all_missing:
            np.copyto(row, self._defaults, where=np.isnan(row))
        return row


class Board:
    """Blends of several models, each asked once for a customer."""

    def __init__(self) -> None:
        self._features: list[tuple[ModelFeature, ...]] = []
        self._blends: list[list[Blend]] = []
        self._places: dict[Hashable, tuple[int, int]] = {}
        self._planned: list[tuple[Row, Blends]] = []

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
            (Row(features), Blends(blends))
            for features, blends in zip(self._features, self._blends, strict=True)
        ]

    def scores(self, one: One) -> list[list[float]]:
        """The scores in link space of everything placed."""
        return [blends.raw(row.of(one)) for row, blends in self._planned]
