"""A LightGBM model's trees as flat arrays, and the compiled walk through them.

LightGBM spends more on preparing a row than on its trees. The scores are the same to the last bit:
the walk takes LightGBM's decisions and sums leaves in its order. See "Tree" in
https://github.com/microsoft/LightGBM/blob/v4.6.0/include/LightGBM/tree.h.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from retain import native

Floats = npt.NDArray[np.float64]
_COMPILED = native.compiled("trees")
_CATEGORICAL = 1


class Walker(Protocol):
    """Raw scores of contiguous float64 arrays of the model's width."""

    capsule: Any
    """A ``const Trees *`` of ``retain/native/trees.h`` named ``retain.trees``."""

    def raw(self, matrix: Floats, /) -> Floats:
        """The scores, (n,), of an (n, width) matrix.

        Raises:
            ValueError: it is not contiguous, or of another width.
        """

    def raw_of_row(self, row: Floats, /) -> float:
        """As :meth:`raw`, of one row, (width,)."""


def walker(text: str, width: int, raw: Callable[[Floats], Floats]) -> Walker | None:
    """What walks the trees of a model's ``text``; None where LightGBM must be asked.

    That is without the compiled module, for trees it does not know, and where ``raw``, which is
    LightGBM itself, says anything else of some rows.
    """
    if _COMPILED is None:
        return None
    try:
        flat = _Flat(text)
        made: Walker = _COMPILED.Trees(width, *flat.arrays)
    except (KeyError, ValueError, OverflowError):
        return None
    rows = flat.rows(width)
    told = raw(rows)
    alone = np.array([made.raw_of_row(row) for row in rows])
    same = all(
        np.array_equal(one.view(np.int64), told.view(np.int64)) for one in (made.raw(rows), alone)
    )
    return made if same else None


class _Flat:
    """Every tree's lines, one after the other.

    Attributes:
        arrays: what the compiled walk is made of: of every tree its number of leaves; of every
            split its feature, kind, left and right side, and threshold; of every leaf its value;
            of every split by categories where its bits begin, and the bits.
    """

    def __init__(self, text: str) -> None:
        head, *trees = text.split("\nTree=")
        if dict(_lines(head)).get("num_tree_per_iteration") != "1" or "\naverage_output" in head:
            raise ValueError("not one sum of trees")
        leaves: list[int] = []
        features: list[str] = []
        left: list[str] = []
        right: list[str] = []
        values: list[str] = []
        kinds: list[int] = []
        thresholds: list[float] = []
        bounds, bits = [0], list[str]()
        for tree in trees:
            told = dict(_lines(tree))
            if told.get("is_linear", "0") != "0":
                raise ValueError("leaves that are linear models")
            leaves.append(int(told["num_leaves"]))
            values += told["leaf_value"].split()
            if leaves[-1] <= 1:
                continue
            features += told["split_feature"].split()
            left += told["left_child"].split()
            right += told["right_child"].split()
            own = [int(one) for one in told["decision_type"].split()]
            before = len(bounds) - 1
            # categories are counted from the first of all trees
            thresholds += [
                float(one) + before if kind & _CATEGORICAL else float(one)
                for one, kind in zip(told["threshold"].split(), own, strict=True)
            ]
            kinds += own
            if int(told["num_cat"]):
                edges = [int(one) for one in told["cat_boundaries"].split()]
                bounds += [bounds[-1] + edge for edge in edges[1:]]
                bits += told["cat_threshold"].split()
        self.arrays = (
            np.array(leaves, np.int32),
            np.array([int(one) for one in features], np.int32),
            np.array(kinds, np.int32),
            np.array([int(one) for one in left], np.int32),
            np.array([int(one) for one in right], np.int32),
            np.array(thresholds, np.float64),
            np.array([float(one) for one in values], np.float64),
            np.array(bounds, np.int32),
            np.array([int(one) for one in bits], np.uint32),
        )

    def rows(self, width: int) -> Floats:
        """Rows of numbers that decide, and of those that decisions are made of by exception."""
        _, features, _, _, _, thresholds, *_ = self.arrays
        rng = np.random.default_rng(0)
        rows = rng.choice([np.nan, 0.0, -1.0, 1e-36, 2.0, 40.0, 1e12, -np.inf], (32, width))
        if len(features):
            picked = rng.integers(len(features), size=(24, 4 * width))
            rows[np.arange(24)[:, np.newaxis], features[picked]] = thresholds[picked]
        return rows


def _lines(part: str) -> Iterator[tuple[str, str]]:
    # what comes after the last tree's blank line is no tree
    for line in part.partition("\n\n")[0].split("\n"):
        name, told, value = line.partition("=")
        if told:
            yield name, value
