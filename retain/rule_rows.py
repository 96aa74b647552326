"""Rules for one row: the same expression over plain Python values instead of arrays.

A rule over arrays of one value costs some thirty times what the values themselves do. What is
read here was checked by :mod:`retain.rules`; a property test holds both to the same answers.
"""
# NaN alone is not equal to itself, and asking so costs a tenth of what a call of isnan() does
# ruff: noqa: PLR0124

import ast
import operator
from collections.abc import Mapping
from typing import Any

from retain import rule_columns
from retain.columns import Columns, Kind
from retain.rule_columns import Known, Read

__all__ = ["NAN", "Known", "Read", "Row", "of_row"]

NAN = float("nan")
_NESTED = 4


class Row(dict[str, Any]):
    """One row of ``columns``, each value taken when it is first read.

    Numbers are floats with NaN for missing, texts str or None, lists lists or None.
    """

    __slots__ = ("_columns", "_kinds", "_place")

    def __init__(self, columns: Columns, kinds: Mapping[str, Kind], place: int = 0) -> None:
        super().__init__()
        self._columns = columns
        self._kinds = kinds
        self._place = place

    def __missing__(self, name: str) -> Any:
        """The value in the column ``name``; missing where there is no such column."""
        column = self._columns.get(name)
        value = None if column is None else column.item(self._place)
        if self._kinds.get(name) == "number":
            value = NAN if value is None else float(value)
        self[name] = value
        return value


def of_row(tree: ast.expr, known: Mapping[str, Kind], *, truth: bool) -> Read:
    """What the checked expression ``tree`` says of a row: a bool, or a float with NaN."""
    compiler = _Compiler(known)
    return compiler.truth(tree) if truth else compiler.value(tree)


class _Compiler:
    def __init__(self, known: Mapping[str, Kind]) -> None:
        self.known = known

    def truth(self, node: ast.expr) -> Read:
        if isinstance(node, ast.Name):
            return rule_columns.not_zero(node.id)
        read = self.value(node)
        return read if self._is_truth(node) else _not_zero(read)

    def value(self, node: ast.expr) -> Read:
        match node:
            case ast.Constant(value=bool() | str() as fixed):
                return lambda _: fixed
            case ast.Constant(value=number):
                amount = float(number)  # type: ignore[arg-type]
                return lambda _: amount
            case ast.Name(id=name):
                return operator.itemgetter(name)
            case ast.BoolOp(op=ast.And(), values=values):
                return _all([self.truth(value) for value in values])
            case ast.BoolOp(values=values):
                return _any([self.truth(value) for value in values])
            case ast.UnaryOp(op=op, operand=operand):
                return self.turned(op, operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _calculated(op, self.value(left), self.value(right))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                pairs = zip([left, *comparators[:-1]], ops, comparators, strict=True)
                return _all([self.pair(*pair) for pair in pairs])
            case ast.Call(func=ast.Name(id=function), args=args):
                return self.call(function, args)
        raise AssertionError(ast.dump(node))

    def turned(self, op: ast.unaryop, operand: ast.expr) -> Read:
        if isinstance(op, ast.Not):
            condition = self.truth(operand)
            return lambda row: not condition(row)
        number = self.value(operand)
        return lambda row: -number(row)

    def pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Read:
        if (read := self._of_one_column(left, op, right)) is not None:
            return read
        a = self.value(left)
        if isinstance(op, ast.In | ast.NotIn):
            negated = isinstance(op, ast.NotIn)
            if isinstance(right, ast.List | ast.Tuple):
                return _one_of(a, _choices(right), negated=negated)
            return _contains(a, self.value(right), negated=negated)
        return _compared(op, a, self.value(right))

    def _of_one_column(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Read | None:
        if isinstance(op, ast.In):
            match left, right:
                case ast.Name(id=name), ast.List() | ast.Tuple():
                    return rule_columns.one_of(name, _choices(right))
                case ast.Constant(value=str(text)), ast.Name(id=name):
                    return rule_columns.contains(text, name)
            return None
        return rule_columns.compared(left, op, right)

    def call(self, function: str, args: list[ast.expr]) -> Read:
        match function, args:
            case "missing", [ast.Name(id=name)]:
                return rule_columns.missing(name, self.known[name])
            case "first", [ast.Name(id=name), ast.Constant(value=int() | float() as fixed)]:
                return rule_columns.known_or(name, float(fixed))
        reads = [self.value(arg) for arg in args]
        if function == "missing":
            return _missing(reads[0])
        if function == "abs":
            number = reads[0]
            return lambda row: abs(number(row))
        folded, fold = reads[0], {"min": _least, "max": _most, "first": _first}[function]
        for read in reads[1:]:
            folded = fold(folded, read)
        return folded

    def _is_truth(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant(value=value):
                return isinstance(value, bool)
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return True
            case ast.Call(func=ast.Name(id=function)):
                return function == "missing"
        return False


def _choices(listed: ast.List | ast.Tuple) -> frozenset[Any]:
    return frozenset(one.value for one in listed.elts if isinstance(one, ast.Constant))


def _not_zero(read: Read) -> Read:
    def holds(row: Known) -> bool:
        value = read(row)
        return bool(value != 0 and value == value)

    return holds


def _all(reads: list[Read]) -> Read:
    if len(reads) == 1:
        return reads[0]
    if len(reads) > _NESTED:
        return lambda row: all(read(row) for read in reads)
    first, rest = reads[0], _all(reads[1:])
    return lambda row: first(row) and rest(row)


def _any(reads: list[Read]) -> Read:
    if len(reads) == 1:
        return reads[0]
    if len(reads) > _NESTED:
        return lambda row: any(read(row) for read in reads)
    first, rest = reads[0], _any(reads[1:])
    return lambda row: first(row) or rest(row)


def _calculated(op: ast.operator, a: Read, b: Read) -> Read:
    match op:
        case ast.Add():
            return lambda row: a(row) + b(row)
        case ast.Sub():
            return lambda row: a(row) - b(row)
        case ast.Mult():
            return lambda row: a(row) * b(row)

    def divided(row: Known) -> float:
        by = b(row)
        return NAN if by == 0 else float(a(row) / by)

    return divided


def _compared(op: ast.cmpop, a: Read, b: Read) -> Read:
    match op:
        case ast.Lt():
            return lambda row: a(row) < b(row)
        case ast.LtE():
            return lambda row: a(row) <= b(row)
        case ast.Gt():
            return lambda row: a(row) > b(row)
        case ast.GtE():
            return lambda row: a(row) >= b(row)
    equal = isinstance(op, ast.Eq)

    def known_and_equal(row: Known) -> bool:
        x, y = a(row), b(row)
        if x is None or y is None or x != x or y != y:
            return False
        return bool(x == y) is equal

    return known_and_equal


def _one_of(a: Read, choices: frozenset[Any], *, negated: bool) -> Read:
    if not negated:
        return lambda row: a(row) in choices

    def is_none_of(row: Known) -> bool:
        value = a(row)
        return value is not None and value == value and value not in choices

    return is_none_of


def _contains(a: Read, b: Read, *, negated: bool) -> Read:
    def holds(row: Known) -> bool:
        text, texts = a(row), b(row)
        return text is not None and (texts is not None and text in texts) is not negated

    return holds


def _missing(read: Read) -> Read:
    def holds(row: Known) -> bool:
        value = read(row)
        # an empty text is known, an empty list is not
        return value is None or value != value or (not value and not isinstance(value, str | float))

    return holds


def _least(a: Read, b: Read) -> Read:
    def least(row: Known) -> float:
        x, y = a(row), b(row)
        return float(x if x <= y or x != x else y)

    return least


def _most(a: Read, b: Read) -> Read:
    def most(row: Known) -> float:
        x, y = a(row), b(row)
        return float(x if x >= y or x != x else y)

    return most


def _first(a: Read, b: Read) -> Read:
    def first(row: Known) -> float:
        x = a(row)
        return float(x if x == x else b(row))

    return first
