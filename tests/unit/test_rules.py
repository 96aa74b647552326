"""Rules: what they mean, and that they are never more than expressions."""

import ast
import math
import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.errors import InvalidInput
from retain.rule_rows import Row
from retain.rules import compile_amount, compile_rule

KNOWN: dict[str, Any] = {
    "x": "number",
    "y": "number",
    "colour": "text",
    "shape": "text",
    "channels": "list",
}


def lists(*rows: list[str] | None) -> np.ndarray:
    column = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):
        column[i] = row
    return column


COLUMNS = {
    "x": np.array([1.0, 2.0, np.nan]),
    "y": np.array([1.0, 1.0, 1.0]),
    "colour": np.array(["red", "blue", None], dtype=object),
    "shape": np.array(["red", None, None], dtype=object),
    "channels": lists(["email", "sms"], [], None),
}


def holds(text: str) -> list[bool]:
    rule = compile_rule(text, KNOWN, name="r", file="rules.yaml")
    return rule.evaluate(COLUMNS, 3).tolist()


def test_a_comparison_with_a_missing_value_is_false():
    assert holds("x > 1") == [False, True, False]
    assert holds("x <= 1") == [True, False, False]
    assert holds("x != 1") == [False, True, False]
    assert holds("colour != 'red'") == [False, True, False]
    assert holds("colour == shape") == [True, False, False]


def test_not_turns_the_false_of_a_missing_value_into_true():
    assert holds("not x > 1") == [True, False, True]
    assert holds("not missing(x) and not x > 1") == [True, False, False]


def test_comparisons_chain():
    assert holds("0 < x < 2") == [True, False, False]


def test_a_number_alone_is_true_where_it_is_known_and_not_zero():
    assert holds("x - 1") == [False, True, False]
    assert holds("x") == [True, True, False]


def test_membership_in_lists_and_in_columns_of_lists():
    assert holds("colour in ['red', 'green']") == [True, False, False]
    assert holds("colour not in ['red', 'green']") == [False, True, False]
    assert holds("x in [2, 3]") == [False, True, False]
    assert holds("'email' in channels") == [True, False, False]
    assert holds("'email' not in channels") == [False, True, True]


def test_a_list_that_is_empty_or_unknown_is_missing():
    assert holds("missing(channels)") == [False, True, True]


def test_division_by_zero_is_missing():
    assert holds("missing(1 / (x - 1))") == [True, False, True]


def test_numbers_too_large_are_compared_without_a_warning():
    assert holds("1e300 * 1e300 * x > 1e300") == [True, True, False]
    assert holds("missing(1e300 * 1e300 - 1e300 * 1e300)") == [True, True, True]


def test_first_takes_the_first_value_that_is_known():
    amount = compile_amount("first(x, 7) * 2", KNOWN, name="a", file="f")
    assert amount.evaluate(COLUMNS, 3).tolist() == [2.0, 4.0, 14.0]


def test_min_max_and_abs_of_a_missing_value_are_missing():
    assert holds("max(x, y, 1.5) == 2") == [False, True, False]
    assert holds("min(x, y) == 1") == [True, True, False]
    assert holds("abs(0 - x) == x") == [True, True, False]


def test_a_declared_column_that_is_not_there_is_missing_everywhere():
    rule = compile_rule("x > 0 or missing(x)", KNOWN, name="r", file="f")
    assert rule.evaluate({}, 2).tolist() == [True, True]


def test_a_constant_holds_for_every_row():
    assert compile_rule(True, KNOWN, name="r", file="f").evaluate({}, 3).tolist() == [True] * 3


def test_a_rule_knows_the_columns_it_reads():
    rule = compile_rule("x > 1 and 'sms' in channels", KNOWN, name="r", file="f")
    assert rule.columns == {"x", "channels"}


def test_an_unknown_column_is_refused_with_rule_file_and_column():
    with pytest.raises(InvalidInput) as caught:
        compile_rule("colur == 'red'", KNOWN, name="likes_red", file="actions.yaml")
    assert "likes_red" in caught.value.message
    assert "actions.yaml" in caught.value.message
    assert "colur" in caught.value.message
    assert "colour" in caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "x.real",
        "x[0]",
        "(lambda: 1)()",
        "[i for i in channels]",
        "open('f')",
        "eval('1')",
        "f'{x}'",
        "x if y else x",
        "x ** 9 ** 9",
        "x % 2",
        "x // 2",
        "x << 2",
        "~x",
        "x is y",
        "(z := 1)",
        "{1: 2}",
        "{1}",
        "None",
        "...",
        "b'x' == colour",
        "1j == x",
        "x == 1e999",
        "x == " + "9" * 400,
        "max(*channels)",
        "min(x)",
        "abs(x, y)",
        "missing(x > 1)",
        "max(x, y, key=1)",
        "colour > 'red'",
        "x == 'red'",
        "x in channels",
        "colour in shape",
        "colour",
        "channels",
        "colour in [x]",
        "colour in ['a', 1]",
        "(x > 1) + 1 > 1",
        "colour + 'a' == 'b'",
        "",
        "x >",
        "x; y",
        "x = 1",
        "x\0",
        "(" * 300 + "x" + ")" * 300,
        "-" * 1000 + "x",
        "not " * 400 + "x",
        "x" * 3000,
    ],
)
def test_anything_that_is_not_of_the_language_is_refused_at_load(text):
    with pytest.raises(InvalidInput):
        compile_rule(text, KNOWN, name="r", file="f")


def test_a_condition_is_not_an_amount():
    with pytest.raises(InvalidInput):
        compile_amount("x > 1", KNOWN, name="a", file="f")


NUMBERS = st.one_of(
    st.sampled_from(["x", "y"]), st.integers(-3, 3).map(lambda n: f"({n})"), st.just("0.5")
)


def _number(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max", "first"]), inner, inner),
        st.builds("abs({})".format, inner),
    )


NUMERIC = st.recursive(NUMBERS, _number, max_leaves=4)
TEXTS = st.sampled_from(["colour", "shape", "'red'", "'blue'"])
CONDITIONS = st.recursive(
    st.one_of(
        st.builds(
            "({} {} {})".format,
            NUMERIC,
            st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
            NUMERIC,
        ),
        st.builds("({} < {} <= {})".format, NUMERIC, NUMERIC, NUMERIC),
        st.builds("({} {} {})".format, TEXTS, st.sampled_from(["==", "!="]), TEXTS),
        st.builds(
            "({} {} {})".format,
            TEXTS,
            st.sampled_from(["in", "not in"]),
            st.sampled_from(["channels", "['red', 'sms']", "[]"]),
        ),
        st.builds("missing({})".format, st.one_of(NUMERIC, TEXTS, st.just("channels"))),
        NUMERIC,
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries(
    {
        "x": st.sampled_from([None, -2.0, 0.0, 0.5, 1.0, 3.0]),
        "y": st.sampled_from([None, -1.0, 0.0, 2.0]),
        "colour": st.sampled_from([None, "red", "blue"]),
        "shape": st.sampled_from([None, "red", "sms"]),
        "channels": st.sampled_from([None, [], ["red"], ["sms", "blue"]]),
    }
)

PLAIN = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def reference(node: ast.expr, row: dict[str, Any]) -> Any:  # noqa: PLR0912, C901
    """One row at a time, None for missing: what a reader of the guide would do by hand."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return row[name] if name != "channels" else row[name] or []
        case ast.List(elts=items):
            return [reference(item, row) for item in items]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = reference(operand, row)
            return None if value is None else -value
        case ast.UnaryOp(operand=operand):
            return not reference(operand, row)
        case ast.BoolOp(op=op, values=values):
            held = [bool(reference(value, row)) for value in values]
            return all(held) if isinstance(op, ast.And) else any(held)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = reference(left, row), reference(right, row)
            if a is None or b is None:
                return None
            if isinstance(op, ast.Div):
                return None if b == 0 else a / b
            return PLAIN[type(op)](a, b)
        case ast.Call(func=ast.Name(id=name), args=args):
            values = [reference(arg, row) for arg in args]
            if name == "missing":
                return values[0] is None or values[0] == []
            if name == "first":
                return next((value for value in values if value is not None), None)
            if None in values:
                return None
            return {"min": min, "max": max}[name](values) if name != "abs" else abs(values[0])
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            values = [reference(each, row) for each in (left, *comparators)]
            return all(
                compare(a, op, b) for a, op, b in zip(values[:-1], ops, values[1:], strict=True)
            )
    raise AssertionError(ast.dump(node))


def compare(a: Any, op: ast.cmpop, b: Any) -> bool:
    if a is None or b is None:
        return False
    if isinstance(op, ast.In):
        return a in b
    if isinstance(op, ast.NotIn):
        return a not in b
    return PLAIN[type(op)](a, b)


@settings(max_examples=300, deadline=None)
@given(text=CONDITIONS, rows=st.lists(ROWS, min_size=1, max_size=5))
def test_the_vectorised_rule_agrees_with_reading_it_row_by_row(text, rows):
    columns = {
        "x": np.array([math.nan if row["x"] is None else row["x"] for row in rows]),
        "y": np.array([math.nan if row["y"] is None else row["y"] for row in rows]),
        "colour": np.array([row["colour"] for row in rows], dtype=object),
        "shape": np.array([row["shape"] for row in rows], dtype=object),
        "channels": lists(*[row["channels"] for row in rows]),
    }
    tree = ast.parse(text, mode="eval").body
    rule = compile_rule(text, KNOWN, name="r", file="f")
    expected = [bool(reference(tree, row)) for row in rows]
    assert rule.evaluate(columns, len(rows)).tolist() == expected
    assert [rule.of_row(Row(columns, KNOWN, place)) for place in range(len(rows))] == expected


@settings(max_examples=200, deadline=None)
@given(text=NUMERIC, row=ROWS)
def test_a_number_of_one_row_is_the_vectorised_one_to_the_last_bit(text, row):
    columns = {name: np.array([math.nan if row[name] is None else row[name]]) for name in "xy"}
    amount = compile_amount(text, KNOWN, name="a", file="f")
    together = float(amount.evaluate(columns, 1)[0])
    alone = amount.of_row(Row(columns, KNOWN))
    assert type(alone) is float
    assert alone == together or (math.isnan(alone) and math.isnan(together))


@pytest.mark.parametrize(
    "text",
    [
        "abs(" * 38 + "x" + ")" * 38,
        "not " * 38 + "x",
        "max(y, " * 38 + "x" + ")" * 38,
        "max(" + "x, " * 600 + "y)",
        "not (x or " * 19 + "y" + ")" * 19,
        "missing('red') or x not in [] and colour not in [] and 'red' not in channels",
    ],
)
def test_one_row_is_read_by_rules_as_deep_and_as_long_as_they_may_be(text):
    rule = compile_rule(text, KNOWN, name="r", file="f")
    expected = rule.evaluate(COLUMNS, 3).tolist()
    assert [rule.of_row(Row(COLUMNS, KNOWN, place)) for place in range(3)] == expected


def test_a_row_without_a_column_has_it_missing():
    assert compile_rule("missing(x)", KNOWN, name="r", file="f").of_row(Row({}, KNOWN))
    assert compile_rule("missing(channels)", KNOWN, name="r", file="f").of_row(Row({}, KNOWN))
    assert not compile_rule("x != 1", KNOWN, name="r", file="f").of_row(Row({}, KNOWN))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="xy ()[]'\"\\,.<>=!+-*/%:{}lambdinotfreclsy01_@~\n\0", max_size=60))
def test_no_text_does_anything_but_compile_or_be_refused(text):
    try:
        rule = compile_rule(text, KNOWN, name="r", file="f")
    except InvalidInput:
        return
    assert rule.evaluate(COLUMNS, 3).dtype == np.bool_
