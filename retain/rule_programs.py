"""Rules and amounts as one table of operations, for what evaluates them in C.

:mod:`retain.rule_rows` says what each of them is; ``retain/native/rules.h`` reads the table.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from retain import native
from retain.columns import Kind
from retain.features.ageing import NUMBERS, OBJECTS
from retain.features.sheet import PLACES

Node = tuple[str, int, int, float]
"""An operation, its parts (places of nodes, numbers or values), and a fixed number."""
Value = tuple[Any, bool, bool]
"""A name, or what is fixed; whether it is a name; whether it is stored and read when asked for."""
Program = tuple[int, tuple[Node, ...], tuple[Value, ...], tuple[str, ...]]
"""The width of the vector, the nodes, the values they name, and the numbers beside the vector."""

_NOTHING = -1
_COMPILED = native.compiled("rules")
_ARITHMETIC = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
_COMPARED = {ast.Lt: "less", ast.LtE: "less_equal", ast.Eq: "equal", ast.NotEq: "unequal"}
_TURNED = {ast.Gt: "less", ast.GtE: "less_equal"}
_FOLDED = {"min": "least", "max": "most", "first": "first"}


class Programs:
    """Rules over the columns ``known``, equal parts once; :mod:`retain.rules` has checked them.

    What a rule says is a place among the nodes.
    """

    def __init__(self, known: Mapping[str, Kind]) -> None:
        self._known = known
        self._nodes: dict[Node, int] = {}
        self._values: dict[Value, int] = {}
        self._names: dict[str, int] = {}

    @property
    def program(self) -> Program:
        """What was written."""
        return len(NUMBERS), tuple(self._nodes), tuple(self._values), tuple(self._names)

    def condition(self, text: str) -> int:
        """Where it is said whether the rule ``text`` holds."""
        return self._truth(_tree(text))

    def amount(self, text: str) -> int:
        """Where the number ``text`` is said."""
        return self._number(_tree(text))

    def _node(
        self, does: str, first: int = _NOTHING, second: int = _NOTHING, number: float = 0.0
    ) -> int:
        return self._nodes.setdefault((does, first, second, number), len(self._nodes))

    def _fixed(self, *, holds: bool) -> int:
        return self._node("fixed", number=float(holds))

    def _truth(self, node: ast.expr) -> int:
        match node:
            case ast.Constant(value=bool() as holds):
                return self._fixed(holds=holds)
            case ast.BoolOp(op=op, values=values):
                does = "all" if isinstance(op, ast.And) else "any"
                return self._folded_right(does, [self._truth(each) for each in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._node("not", self._truth(operand))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                pairs = zip([left, *comparators[:-1]], ops, comparators, strict=True)
                return self._folded_right("all", [self._pair(*pair) for pair in pairs])
            case ast.Call(func=ast.Name(id="missing"), args=[asked]):
                return self._missing(asked)
        return self._node("not_zero", self._number(node))

    def _number(self, node: ast.expr) -> int:
        match node:
            case ast.Constant(value=int() | float() as fixed):
                return self._node("number", number=float(fixed))
            case ast.Name(id=name):
                if (place := PLACES.get(name)) is not None:
                    return self._node("at", place)
                return self._node("named", self._names.setdefault(name, len(self._names)))
            case ast.UnaryOp(operand=operand):
                return self._node("negative", self._number(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self._node(_ARITHMETIC[type(op)], self._number(left), self._number(right))
            case ast.Call(func=ast.Name(id="abs"), args=[operand]):
                return self._node("absolute", self._number(operand))
            case ast.Call(func=ast.Name(id=function), args=args):
                numbers = [self._number(each) for each in args]
                return reduce(lambda a, b: self._node(_FOLDED[function], a, b), numbers)
        raise AssertionError(ast.dump(node))

    def _value(self, node: ast.expr) -> int:
        match node:
            case ast.Name(id=name):
                value: Value = (name, True, name in _STORED)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                value = (frozenset(_constants(items)), False, False)
            case _:
                value = (*_constants([node]), False, False)
        return self._values.setdefault(value, len(self._values))

    def _kind(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return self._known[name]
            case ast.Constant(value=str()):
                return "text"
            case ast.List() | ast.Tuple():
                return "choices"
        return "number"

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> int:
        if isinstance(op, ast.In | ast.NotIn):
            negated = isinstance(op, ast.NotIn)
            if self._kind(left) == "number":
                return self._number_among(left, right, negated=negated)
            does = "listed" if self._kind(right) == "list" else "among"
            does = f"not_{does}" if negated else does
            return self._node(does, self._value(left), self._value(right))
        if self._kind(left) == "text":
            does = "same" if isinstance(op, ast.Eq) else "other"
            return self._node(does, self._value(left), self._value(right))
        a, b = self._number(left), self._number(right)
        turned = _TURNED.get(type(op))
        return self._node(turned, b, a) if turned else self._node(_COMPARED[type(op)], a, b)

    def _number_among(self, left: ast.expr, right: ast.expr, *, negated: bool) -> int:
        number = self._number(left)
        choices = _constants(right.elts) if isinstance(right, ast.List | ast.Tuple) else []
        # what no float is exactly, and what is a text, no number equals
        numbers = [one for one in choices if isinstance(one, int | float)]
        fixed = [float(one) for one in numbers if float(one) == one]
        equals = [self._node("equal", number, self._node("number", number=one)) for one in fixed]
        among = self._folded_right("any", equals) if equals else self._fixed(holds=False)
        if not negated:
            return among
        known = self._node("not", self._node("unknown", number))
        return self._node("all", known, self._node("not", among))

    def _missing(self, asked: ast.expr) -> int:
        kind = self._kind(asked)
        if kind == "number":
            return self._node("unknown", self._number(asked))
        return self._node("no_text" if kind == "text" else "empty", self._value(asked))

    def _folded_right(self, does: str, parts: Sequence[int]) -> int:
        return reduce(lambda later, part: self._node(does, part, later), reversed(parts))


def holding(
    known: Mapping[str, Kind], groups: Sequence[tuple[bool, Sequence[str]]]
) -> Callable[[dict[str, Any]], tuple[int, ...]] | None:
    """What says of a :class:`~retain.one.features.One` which rules hold; None: it is not compiled.

    Args:
        known: the columns the rules are over.
        groups: rules, and whether all of them are asked. Then the answer is which of them hold, as
            the bits of a number; else the place of the first that does, -1 where none does.
    """
    if _COMPILED is None:
        return None
    programs = Programs(known)
    asked = tuple((every, tuple(map(programs.condition, rules))) for every, rules in groups)
    made = native.made(_COMPILED.Holding, programs.program, asked)
    return None if made is None else made.of


def _tree(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def _constants(nodes: Sequence[ast.expr]) -> list[Any]:
    return [one.value for one in nodes if isinstance(one, ast.Constant)]


_STORED = frozenset(OBJECTS)
