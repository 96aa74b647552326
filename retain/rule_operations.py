"""What the operators of a rule do to arrays, missing values included."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Operation = Callable[[Array, Array], Array]

_NOTHING: Array = np.array(None, dtype=object)


def truth(values: Array) -> Array:
    """A number is true where it is known and not zero."""
    return np.not_equal(values, 0) & ~np.isnan(values)


def contains(wanted: Array, lists: Array, *, negated: bool) -> Array:
    """Is the text in the list of its row? False where the text is missing."""
    wanted, lists = np.broadcast_arrays(wanted, lists)
    found = [
        text is not None and (row is not None and text in row) != negated
        for text, row in zip(wanted.ravel(), lists.ravel(), strict=True)
    ]
    return np.array(found, dtype=np.bool_).reshape(wanted.shape)


def one_of(values: Array, choices: Array, *, negated: bool) -> Array:
    """Is the value one of the fixed ``choices``? False where it is missing."""
    found = np.zeros(values.shape, dtype=np.bool_)
    for choice in choices:
        found |= np.equal(values, choice)
    return _present(values) & ~found if negated else found


def text_equal(a: Array, b: Array, *, negated: bool) -> Array:
    """Equal (or unequal) texts; false where either is missing."""
    compared = np.not_equal(a, b) if negated else np.equal(a, b)
    return np.logical_and(np.logical_and(compared, _present(a)), _present(b))


def is_missing(values: Array, kind: str) -> Array:
    """Where a number or text is not known; a list counts as missing when it is empty."""
    if kind != "list":
        return np.logical_not(_present(values))
    empty = [row is None or len(row) == 0 for row in values.ravel()]
    return np.array(empty, dtype=np.bool_).reshape(values.shape)


def _present(values: Array) -> Array:
    return np.not_equal(values, _NOTHING) if values.dtype == object else ~np.isnan(values)


def _not_equal(a: Array, b: Array) -> Array:
    return np.not_equal(a, b) & ~np.isnan(a) & ~np.isnan(b)


def _quietly(operation: Operation) -> Operation:
    def quiet(a: Array, b: Array) -> Array:
        with np.errstate(all="ignore"):
            return operation(a, b)

    return quiet


def _divide(a: Array, b: Array) -> Array:
    return np.divide(a, np.where(b == 0, np.nan, b))


ARITHMETIC: Mapping[type[ast.operator], Operation] = {
    ast.Add: _quietly(np.add),
    ast.Sub: _quietly(np.subtract),
    ast.Mult: _quietly(np.multiply),
    ast.Div: _quietly(_divide),
}
COMPARISONS: Mapping[type[ast.cmpop], Operation] = {
    ast.Eq: np.equal,
    ast.NotEq: _not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
