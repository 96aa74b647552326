"""A small, safe expression language over columns, for segments and actions.

Python's expression syntax, read by :func:`ast.parse` and never executed: names of
declared columns, numbers, strings, lists of them, ``and or not``, chained comparisons,
``in`` and ``not in``, ``+ - * /``, ``min max abs``, ``first(a, b)`` (the first that is not
missing) and ``missing(x)``. Anything else is refused when the rule is loaded.

Missing values: a comparison with a missing value is false, also ``!=`` and ``not in``;
``not`` turns that false into true, so write ``not missing(x) and not x > 3`` where it
matters. Arithmetic with a missing value, and division by zero, give a missing value.
A list is never missing: one that is not known is empty.
"""

import ast
import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retain.columns import Columns, Kind
from retain.errors import InvalidInput
from retain.rule_operations import (
    ARITHMETIC,
    COMPARISONS,
    contains,
    is_missing,
    one_of,
    text_equal,
    truth,
)
from retain.rule_rows import Known, of_row

Array = NDArray[Any]
_Kind = Literal["number", "text", "list", "choices", "truth"]
_Read = Callable[[Columns], Array]

MAX_LENGTH = 2_000
MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class _Part:
    kind: _Kind
    read: _Read


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition: ``evaluate`` says for which rows it holds.

    Attributes:
        name: what the rule is called in receipts.
        text: as written.
        columns: the columns it reads.
        of_row: whether it holds for one row, what ``evaluate`` says of many.
    """

    name: str
    text: str
    columns: frozenset[str]
    _read: _Read
    of_row: Callable[[Known], bool]

    def evaluate(self, columns: Columns, rows: int) -> NDArray[np.bool_]:
        """(rows,) booleans. A declared column that ``columns`` lacks is missing everywhere."""
        held = self._read(columns)
        return held if held.shape == (rows,) else np.full(rows, held, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number for every row: ``evaluate`` gives float64, NaN where it is missing.

    ``of_row`` is the same number of one row.
    """

    name: str
    text: str
    columns: frozenset[str]
    _read: _Read
    of_row: Callable[[Known], float]

    def evaluate(self, columns: Columns, rows: int) -> NDArray[np.float64]:
        """(rows,) float64. A declared column that ``columns`` lacks is missing everywhere."""
        value = self._read(columns)
        return np.array(value) if value.shape == (rows,) else np.full(rows, value)


def compile_rule(text: str | bool, known: Mapping[str, Kind], *, name: str, file: str) -> Rule:
    """The condition ``text`` over the columns ``known``.

    Raises:
        InvalidInput: the rule is not of this language or names no known column; the
            message names the rule, the file and the part at fault.
    """
    compiler = _Compiler(known, name, file)
    tree = compiler.tree(str(text))
    condition = compiler.as_truth(compiler.part(tree)).read
    used = frozenset(compiler.used)
    return Rule(name, str(text), used, condition, of_row(tree, known, truth=True))


def compile_amount(text: str | float, known: Mapping[str, Kind], *, name: str, file: str) -> Amount:
    """The number ``text`` over the columns ``known``.

    Raises:
        InvalidInput: as :func:`compile_rule`, or the expression is not a number.
    """
    compiler = _Compiler(known, name, file)
    tree = compiler.tree(str(text))
    part = compiler.part(tree)
    if part.kind != "number":
        raise compiler.refused(f"{text!r} is not a number")
    used = frozenset(compiler.used)
    return Amount(name, str(text), used, part.read, of_row(tree, known, truth=False))


class _Compiler:
    def __init__(self, known: Mapping[str, Kind], name: str, file: str) -> None:
        self.known = known
        self.name = name
        self.file = file
        self.used: set[str] = set()
        self.depth = 0

    def refused(self, why: str, remedy: str = "") -> InvalidInput:
        return InvalidInput(
            f"rule {self.name!r} in {self.file}: {why}",
            remedy=remedy or "see docs/guides/segments.md for the language of rules",
            field=self.name,
        )

    def tree(self, text: str) -> ast.expr:
        if len(text) > MAX_LENGTH:
            raise self.refused(f"it is longer than {MAX_LENGTH} characters")
        try:
            return ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self.refused(f"{text!r} cannot be read: {error}") from None

    def part(self, node: ast.expr) -> _Part:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refused(f"it is nested deeper than {MAX_DEPTH} levels")
        part = self._part(node)
        self.depth -= 1
        return part

    def _part(self, node: ast.expr) -> _Part:
        match node:
            case ast.Constant(value=value):
                return self.constant(value)
            case ast.Name(id=name):
                return self.column(name)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return self.choices(items)
            case ast.BoolOp(op=op, values=values):
                together = np.logical_and if isinstance(op, ast.And) else np.logical_or
                reads = [self.as_truth(self.part(value)).read for value in values]
                return _Part("truth", lambda c: _fold(together, [read(c) for read in reads]))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                condition = self.as_truth(self.part(operand)).read
                return _Part("truth", lambda c: np.logical_not(condition(c)))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                number = self.number(operand)
                return _Part("number", lambda c: np.negative(number(c)))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                operation, a, b = ARITHMETIC[type(op)], self.number(left), self.number(right)
                return _Part("number", lambda c: operation(a(c), b(c)))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self.comparison([left, *comparators], ops)
            case ast.Call(func=ast.Name(id=function), args=args, keywords=[]):
                return self.call(function, args)
            case _:
                raise self.refused(f"{ast.unparse(node)!r} is not allowed here")

    def constant(self, value: object) -> _Part:
        fixed: Array
        if isinstance(value, bool):
            fixed = np.array(value)
            return _Part("truth", lambda _: fixed)
        if isinstance(value, int | float):
            if not abs(value) <= 1e300:
                raise self.refused(f"the number {value!r} is too large")
            fixed = np.array(float(value))
            return _Part("number", lambda _: fixed)
        if isinstance(value, str):
            fixed = np.array(value, dtype=object)
            return _Part("text", lambda _: fixed)
        raise self.refused(f"{value!r} is neither a number nor a text")

    def column(self, name: str) -> _Part:
        kind = self.known.get(name)
        if kind is None:
            near = difflib.get_close_matches(name, self.known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "see the list of features"
            raise self.refused(f"there is no column {name!r}", remedy=hint)
        self.used.add(name)
        dtype = _DTYPES[kind]
        absent: Array = np.array(np.nan if kind == "number" else None, dtype=dtype)

        def read(columns: Columns) -> Array:
            values = columns.get(name)
            return absent if values is None else np.asarray(values, dtype=dtype)

        return _Part(kind, read)

    def choices(self, items: list[ast.expr]) -> _Part:
        parts = [item.value for item in items if isinstance(item, ast.Constant)]
        if len(parts) < len(items):
            raise self.refused("a list may hold numbers and texts only")
        if len({self.constant(value).kind for value in parts}) > 1:
            raise self.refused("a list holds either numbers or texts")
        fixed = np.array(parts, dtype=object)
        return _Part("choices", lambda _: fixed)

    def number(self, node: ast.expr) -> _Read:
        part = self.part(node)
        if part.kind != "number":
            raise self.refused(f"{ast.unparse(node)!r} is not a number")
        return part.read

    def as_truth(self, part: _Part) -> _Part:
        if part.kind == "truth":
            return part
        if part.kind != "number":
            raise self.refused(
                f"a {part.kind} is neither true nor false", remedy="compare it, or use missing(x)"
            )
        return _Part("truth", lambda c: truth(part.read(c)))

    def comparison(self, nodes: list[ast.expr], ops: list[ast.cmpop]) -> _Part:
        parts = [self.part(node) for node in nodes]
        reads = [
            self.pair(left, op, right)
            for left, op, right in zip(parts[:-1], ops, parts[1:], strict=True)
        ]
        return _Part("truth", lambda c: _fold(np.logical_and, [read(c) for read in reads]))

    def pair(self, left: _Part, op: ast.cmpop, right: _Part) -> _Read:
        a, b, kinds = left.read, right.read, (left.kind, right.kind)
        if isinstance(op, ast.In | ast.NotIn):
            negated = isinstance(op, ast.NotIn)
            if kinds == ("text", "list"):
                return lambda c: contains(a(c), b(c), negated=negated)
            if kinds in (("text", "choices"), ("number", "choices")):
                return lambda c: one_of(a(c), b(c), negated=negated)
        elif kinds == ("number", "number") and type(op) in COMPARISONS:
            compare = COMPARISONS[type(op)]
            return lambda c: compare(a(c), b(c))
        elif kinds == ("text", "text") and isinstance(op, ast.Eq | ast.NotEq):
            unequal = isinstance(op, ast.NotEq)
            return lambda c: text_equal(a(c), b(c), negated=unequal)
        raise self.refused(f"a {left.kind} and a {right.kind} cannot be compared this way")

    def call(self, function: str, args: list[ast.expr]) -> _Part:
        if function == "missing" and len(args) == 1:
            part = self.part(args[0])
            if part.kind in ("number", "text", "list"):
                return _Part("truth", lambda c: is_missing(part.read(c), part.kind))
        elif function == "abs" and len(args) == 1:
            number = self.number(args[0])
            return _Part("number", lambda c: np.abs(number(c)))
        elif function in _SEVERAL and len(args) >= 2:
            operation, reads = _SEVERAL[function], [self.number(arg) for arg in args]
            return _Part("number", lambda c: _fold(operation, [read(c) for read in reads]))
        raise self.refused(
            f"the call {function}() of {len(args)} is not allowed",
            remedy="there are min, max, first (two or more), abs and missing (one)",
        )


def _first(a: Array, b: Array) -> Array:
    return np.where(np.isnan(a), b, a)


def _fold(operation: Callable[[Array, Array], Array], values: list[Array]) -> Array:
    folded = values[0]
    for value in values[1:]:
        folded = operation(folded, value)
    return folded


_DTYPES: dict[Kind, type] = {"number": np.float64, "text": object, "list": object}
_SEVERAL: dict[str, Callable[[Array, Array], Array]] = {
    "min": np.minimum,
    "max": np.maximum,
    "first": _first,
}
