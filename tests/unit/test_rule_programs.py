"""Rules, segments and signals of one customer: what was compiled says what Python says."""

import math
import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain import native, segments, signals
from retain.columns import ACTION_RULES
from retain.features.ageing import NUMBERS
from retain.one.features import One
from retain.rfm import RfmEdges
from retain.rule_programs import Programs, holding
from retain.rules import compile_amount, compile_rule
from retain.segments import Segmenter
from retain.settings import PROJECT_CONFIG
from retain.signals import Signals
from tests.ones import Stored, fresh, one_of
from tests.unit.test_rules import CONDITIONS, NUMERIC

# one of each kind of column: of the vector, put beside it, stored texts and a list
COLUMNS = {
    "x": "order_recency_days",
    "y": "ltv_value",
    "colour": "favourite_category",
    "shape": "status",
    "channels": "open_cart",
}
NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
NUMBER = st.one_of(
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 0.5, 1.0, 3.0]), st.floats()
)
TEXT = st.sampled_from([None, "", "red", "blue", "sms", "빨강"])
EDGES = RfmEdges(
    recency_days=(20, 45, 90, 180),
    frequency=(1, 2, 3, 6),
    monetary=(50, 120, 300, 700),
    vip_spend_365d=2000,
    customers=1000,
)
SEGMENTER = Segmenter(segments.load(PROJECT_CONFIG / "segments.yaml"), EDGES)
SIGNALS = Signals(signals.load(PROJECT_CONFIG))
needs_compiler = pytest.mark.skipif(
    native.compiled("rules") is None, reason="there is no C compiler"
)
vectors = st.dictionaries(
    st.sampled_from(NUMBERS),
    st.one_of(
        st.floats(-1e5, 1e5), st.sampled_from([0.0, 1.0, 2.0, 3.0, 9.0, 14.0, 40.0, 200.0, 400.0])
    ),
    min_size=20,
)


def named(text: str) -> str:
    return re.sub(r"\b(x|y|colour|shape|channels)\b(?!')", lambda m: COLUMNS[m[1]], text)


@st.composite
def customers(draw: Any) -> One:
    channels = draw(st.sampled_from([None, [], ["red"], ["sms", "빨강", None], ["blue"] * 3]))
    one = one_of({COLUMNS["x"]: draw(NUMBER)}, favourite_category=draw(TEXT), open_cart=channels)
    if draw(st.booleans()):
        one["ltv_value"], one["status"] = draw(NUMBER), draw(TEXT)
    return one


@needs_compiler
@settings(max_examples=600, deadline=None)
@given(st.lists(CONDITIONS.map(named), min_size=1, max_size=4), customers())
def test_a_rule_holds_in_c_for_whom_it_holds_in_python(texts, one):
    rules = [compile_rule(text, ACTION_RULES, name="r", file="f") for text in texts]
    expected = [bool(rule.of_row(fresh(one))) for rule in rules]
    compiled = holding(ACTION_RULES, [(False, texts), (True, texts)])
    assert compiled is not None
    first, bits = compiled(one)
    assert [bool(bits >> place & 1) for place in range(len(texts))] == expected
    assert first == (expected.index(True) if True in expected else -1)


@needs_compiler
@settings(max_examples=400, deadline=None)
@given(NUMERIC.map(named), customers(), NUMBER)
def test_an_amount_is_the_same_number_in_c(text, one, other):
    amount = compile_amount(text, ACTION_RULES, name="a", file="f").of_row(fresh(one))
    known = holding(ACTION_RULES, [(True, [f"missing({text})"])])
    assert known is not None
    assert known(one) == (int(amount != amount),)  # noqa: PLR0124 - NaN
    # the signs of zeros and the last bits: what divides by the number tells them
    one["ltv_low"], one["ltv_high"] = amount, other
    same = holding(ACTION_RULES, [(True, [f"1 / ({text}) == 1 / ltv_low", f"{text} < ltv_high"])])
    assert same is not None
    inverse = amount != 0 and amount == amount  # noqa: PLR0124
    assert same(one) == (int(inverse) + 2 * int(amount < other),)


@needs_compiler
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ltv_value in [1, 2]", False),
        ("ltv_value not in ['a']", True),
        ("ltv_value in [9007199254740993, 3]", True),
        ("churn_probability not in [1]", False),
        ("status not in ['ok']", False),
        ("status in []", False),
        ("currency == 'EUR'", True),
        ("missing(context_page) and not missing('a') and missing(tags)", True),
        ("min(3, 2, 1) == 1 and max(1, 2, 3) == 3 and first(churn_probability, 1, 2) == 1", True),
        (" or ".join(["ltv_low"] * 150), False),
    ],
)
def test_the_corners_of_the_language_are_the_same_in_c(text, expected):
    one = one_of({}, order_currency=None, profile_currency="EUR")
    one["ltv_value"] = 3.0
    assert compile_rule(text, ACTION_RULES, name="r", file="f").of_row(fresh(one)) is expected
    compiled = holding(ACTION_RULES, [(True, [text])])
    assert compiled is not None
    assert compiled(one) == (int(expected),)


@needs_compiler
@settings(max_examples=300, deadline=None)
@given(vectors, TEXT)
def test_a_customer_is_in_the_same_segment_in_c(numbers, category):
    one = one_of(numbers, favourite_category=category)
    plain = fresh(one)
    assert SEGMENTER.of_one(one) == SEGMENTER.plainly_of_one(plain)
    for name in ("r", "f", "m", "vip_spend_365d", "segment", "priority", "stage", "tags"):
        assert repr(one[name]) == repr(plain[name])


@needs_compiler
@settings(max_examples=300, deadline=None)
@given(vectors)
def test_the_same_signals_are_told_of_a_customer_in_c(numbers):
    one = one_of(numbers)
    assert SIGNALS.of_one(one, NOW) == SIGNALS.of_one(dict(numbers_of(one)), NOW)


def numbers_of(one: One) -> list[tuple[str, float]]:
    return list(zip(NUMBERS, one.vector.tolist(), strict=True))


@needs_compiler
def test_a_row_that_is_damaged_is_an_error_and_no_answer():
    class Damaged(Stored):
        def text(self, name: str) -> str | None:
            raise LookupError(name)

    compiled = holding(ACTION_RULES, [(False, ["favourite_category == 'a'", "True"])])
    assert compiled is not None
    with pytest.raises(LookupError, match="favourite_category"):
        compiled(One(np.zeros(len(NUMBERS)), Damaged({})))
    one = one_of({})
    one["ltv_value"] = "much"
    asked = holding(ACTION_RULES, [(True, ["ltv_value > 1", "ltv_value + 1 > abs(ltv_value)"])])
    assert asked is not None
    with pytest.raises(TypeError):
        asked(one)


@needs_compiler
def test_a_program_that_is_none_is_refused_and_not_run():
    module = native.compiled("rules")
    programs = Programs(ACTION_RULES)
    place = programs.condition("order_recency_days > 1 and status in ['a']")
    width, nodes, values, names = programs.program
    good = (width, nodes, values, names)
    module.Holding(good, ((False, (place,)),))
    for program in (
        (),
        (-1, nodes, values, names),
        (width, (("at", width, -1, 0.0),), values, names),
        (width, (("at", -1, -1, 0.0),), values, names),
        (width, (("not", 0, -1, 0.0),), values, names),
        (width, (("number", -1, -1, 1.0), ("not", 0, -1, 0.0)), values, names),
        (width, (("named", 0, -1, 0.0),), values, ()),
        (width, (("same", 0, 7, 0.0),), values, names),
        (width, (("nothing", 0, 0, 0.0),), values, names),
        (width, nodes, ((1, 2),), names),
        (width, nodes, values, tuple("abcdefgh" * 9)),
        (
            width,
            (("number", -1, -1, 1.0), *(("negative", at, -1, 0.0) for at in range(2000))),
            (),
            (),
        ),
    ):
        with pytest.raises((ValueError, TypeError)):
            module.Holding(program, ((True, (0,)),))
    for groups in (((False, (99,)),), ((True, (place,) * 65),), ((False, ("a",)),), (1,)):
        with pytest.raises((ValueError, TypeError)):
            module.Holding(good, groups)
    made = module.Holding(good, ((False, (place,)),))
    for row in ({}, 5, One(np.zeros(3), Stored({})), One(np.zeros((1, width)), Stored({}))):
        with pytest.raises((ValueError, TypeError, AttributeError)):
            made.of(row)
