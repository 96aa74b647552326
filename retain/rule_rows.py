"""Rules for one row: the same expression over plain Python values instead of arrays.

A rule over arrays of one value costs some thirty times what the values themselves do. What is
read here was checked by :mod:`retain.rules`; of its parts a Python function is written anew, so
that nothing of a rule's own text is ever run. A property test holds both to the same answers.
"""
# NaN alone is not equal to itself, and asking so costs a tenth of what a call of isnan() does
# ruff: noqa: PLR0124

import ast
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from retain.columns import Columns, Kind

NAN = float("nan")

Known = dict[str, Any]
"""One row's values by name, each there when it is asked for: a :class:`Row`, or the like."""
Read = Callable[[Known], Any]


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
    writer = _Writer(known)
    written = writer.truth(tree) if truth else writer.value(tree)
    read: Read = eval(f"lambda row: {written}", {"__builtins__": {}, **_CALLED})  # noqa: S307
    return read


class _Writer:
    """Writes the parts of a rule as Python over ``row``, each within brackets where it needs any.

    Of the rule's text it takes over literals and names of columns, and these as literals.
    """

    def __init__(self, known: Mapping[str, Kind]) -> None:
        self.known = known
        self._numbers = count()

    def truth(self, node: ast.expr) -> str:
        written = self.value(node)
        if self._is_truth(node):
            return written
        name, named = self._named(written)
        return f"({named} != 0 and {name} == {name})"

    def value(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=bool() | str() as fixed):
                return repr(fixed)
            case ast.Constant(value=number):
                return repr(float(number))  # type: ignore[arg-type]
            case ast.Name(id=name):
                return f"row[{name!r}]"
            case ast.BoolOp(op=op, values=values):
                word = " and " if isinstance(op, ast.And) else " or "
                return f"({word.join(map(self.truth, values))})"
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return f"(not {self.truth(operand)})"
            case ast.UnaryOp(operand=operand):
                return f"(-{self.value(operand)})"
            case ast.BinOp(left=left, op=op, right=right):
                return self.calculated(op, self.value(left), self.value(right))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                pairs = zip([left, *comparators[:-1]], ops, comparators, strict=True)
                return f"({' and '.join(self.pair(*pair) for pair in pairs)})"
            case ast.Call(func=ast.Name(id=function), args=args):
                return self.call(function, args)
        raise AssertionError(ast.dump(node))

    def calculated(self, op: ast.operator, a: str, b: str) -> str:
        sign = _SIGNS.get(type(op))
        return f"divided({a}, {b})" if sign is None else f"({a} {sign} {b})"

    def pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> str:
        a = self.value(left)
        if isinstance(op, ast.In | ast.NotIn):
            negated = isinstance(op, ast.NotIn)
            if isinstance(right, ast.List | ast.Tuple):
                return self.one_of(a, right.elts, self._kind(left), negated=negated)
            return self.contained(left, self.value(right), negated=negated)
        b = self.value(right)
        if isinstance(op, ast.NotEq):
            return f"differ({a}, {b})"
        if isinstance(op, ast.Eq) and self._kind(left) == "text":
            name, named = self._named(a)
            return f"({named} is not None and {name} == {b})"
        return f"{a} {_SIGNS[type(op)]} {b}"

    def one_of(self, a: str, items: list[ast.expr], kind: Kind, *, negated: bool) -> str:
        literals = [repr(one.value) for one in items if isinstance(one, ast.Constant)]
        choices = f"({''.join(f'{each}, ' for each in literals)})"
        if not negated:
            return f"{a} in {choices}"
        name, named = self._named(a)
        known = "is not None" if kind == "text" else f"== {name}"
        return f"({named} {known} and {name} not in {choices})"

    def contained(self, text: ast.expr, texts: str, *, negated: bool) -> str:
        word = "not in" if negated else "in"
        if isinstance(text, ast.Constant):
            return f"{text.value!r} {word} ({texts} or ())"
        name, named = self._named(self.value(text))
        return f"({named} is not None and {name} {word} ({texts} or ()))"

    def call(self, function: str, args: list[ast.expr]) -> str:
        if function == "missing":
            return self.missing(args[0])
        return f"{function}_of({', '.join(map(self.value, args))})"

    def missing(self, node: ast.expr) -> str:
        kind, (name, named) = self._kind(node), self._named(self.value(node))
        if kind == "list":
            return f"(not {named})"
        return f"({named} is None)" if kind == "text" else f"({named} != {name})"

    def _named(self, written: str) -> tuple[str, str]:
        """A name for a value that is needed twice, and the value as it gets the name."""
        name = f"v{next(self._numbers)}"
        return name, f"({name} := {written})"

    def _kind(self, node: ast.expr) -> Kind:
        match node:
            case ast.Name(id=name):
                return self.known[name]
            case ast.Constant(value=str()):
                return "text"
        return "number"

    def _is_truth(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant(value=value):
                return isinstance(value, bool)
            case ast.BoolOp() | ast.Compare() | ast.UnaryOp(op=ast.Not()):
                return True
            case ast.Call(func=ast.Name(id=function)):
                return function == "missing"
        return False


def _divided(a: float, b: float) -> float:
    return NAN if b == 0 else a / b


def _differ(a: Any, b: Any) -> bool:
    known = a is not None and b is not None and a == a and b == b
    return known and bool(a != b)


def _least(least: float, *others: float) -> float:
    for other in others:
        if not (least <= other or least != least):
            least = other
    return least


def _most(most: float, *others: float) -> float:
    for other in others:
        if not (most >= other or most != most):
            most = other
    return most


def _first(*values: float) -> float:
    for value in values:
        if value == value:
            return value
    return NAN


_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
}
_CALLED: dict[str, Callable[..., Any]] = {
    "abs_of": abs,
    "divided": _divided,
    "differ": _differ,
    "first_of": _first,
    "max_of": _most,
    "min_of": _least,
}
