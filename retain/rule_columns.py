"""What a rule asks of one column alone, of one row: most of what rules ask.

The parts of :mod:`retain.rule_rows` would do the same; a closure within a closure costs more than
what it asks.
"""
# NaN alone is not equal to itself, and asking so costs a tenth of what a call of isnan() does
# ruff: noqa: PLR0124

import ast
from collections.abc import Callable
from typing import Any

from retain.columns import Kind

Known = dict[str, Any]
"""One row's values by name, each there when it is asked for: :class:`retain.rule_rows.Row`, say."""
Read = Callable[[Known], Any]

_TURNED = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq}


def compared(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Read | None:
    """A column compared with a number or a text, whichever stands left; None: it is not that."""
    match left, right:
        case ast.Name(id=name), ast.Constant(value=fixed):
            return _compared(name, type(op), fixed)
        case ast.Constant(value=fixed), ast.Name(id=name) if type(op) in _TURNED:
            return _compared(name, _TURNED[type(op)], fixed)
    return None


def _compared(name: str, op: type[ast.cmpop], fixed: Any) -> Read | None:
    if isinstance(fixed, bool):
        return None
    value = fixed if isinstance(fixed, str) else float(fixed)
    if op is ast.Lt:
        return lambda row: row[name] < value
    if op is ast.LtE:
        return lambda row: row[name] <= value
    if op is ast.Gt:
        return lambda row: row[name] > value
    if op is ast.GtE:
        return lambda row: row[name] >= value
    if op is ast.Eq:
        # nothing that is missing equals anything
        return lambda row: bool(row[name] == value)
    return None


def one_of(name: str, choices: frozenset[Any]) -> Read:
    """Whether the column's value is one of ``choices``."""
    return lambda row: row[name] in choices


def contains(text: str, name: str) -> Read:
    """Whether the column's list contains ``text``."""

    def holds(row: Known) -> bool:
        texts = row[name]
        return texts is not None and text in texts

    return holds


def missing(name: str, kind: Kind) -> Read:
    """Whether the column's value is missing: an empty text is known, an empty list is not."""
    if kind == "list":
        return lambda row: not row[name]
    if kind == "text":
        return lambda row: row[name] is None

    def holds(row: Known) -> bool:
        value = row[name]
        return bool(value != value)

    return holds


def not_zero(name: str) -> Read:
    """Whether the column's number is known and not 0."""

    def holds(row: Known) -> bool:
        value = row[name]
        return bool(value != 0 and value == value)

    return holds


def known_or(name: str, otherwise: float) -> Read:
    """The column's number, or ``otherwise`` where it is missing."""

    def number(row: Known) -> float:
        value = row[name]
        return float(value) if value == value else otherwise

    return number
