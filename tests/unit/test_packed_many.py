"""Many customers' rows cut in C are what they are when cut in Python, and damage is seen."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.packed_codec import encode
from feature_repo.packed_many import ManyPlan, PackedMany
from feature_repo.packed_one import OnePlan
from feature_repo.packed_schema import PackedSchema
from feature_repo.packed_view import PackedView
from retain import native
from retain.errors import FingerprintMismatch

_COMPILED = native.compiled("cells")
compiled = pytest.mark.skipif(_COMPILED is None, reason="the hot path was not compiled")

_TYPES = {
    "float64": pa.float64(),
    "int64": pa.int64(),
    "string": pa.string(),
    "strings": pa.list_(pa.string()),
}
FIELDS = (
    (("a", "float64"), ("b", "float64"), ("c", "int64"), ("d", "string"), ("e", "strings")),
    (("f", "int64"),),
    (("g", "string"), ("h", "string"), ("i", "float64")),
)
NAMES = ("i", "f", "a", "c", "b")
TEXTS = ("d", "e", "g", "h")
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "float64": st.floats(allow_subnormal=True),
    "int64": st.integers(-(2**63) + 1, 2**63 - 1),
    "string": st.text(max_size=9),
    "strings": st.lists(st.text(max_size=5), max_size=3),
}
_rows = st.lists(
    st.tuples(
        st.integers(-(2**62), 2**62),
        *(st.none() | _VALUES[dtype] for fields in FIELDS for _, dtype in fields),
    ),
    min_size=1,
    max_size=12,
)


def views() -> list[PackedView]:
    return [PackedView(f"v{n}", PackedSchema.of(fields)) for n, fields in enumerate(FIELDS)]


def packed(rows: list[tuple[Any, ...]]) -> list[tuple[bytes, ...]]:
    times = np.array([row[0] for row in rows], np.int64)
    cells, place = [], 1
    for n, (view, fields) in enumerate(zip(views(), FIELDS, strict=True)):
        columns = {}
        for name, dtype in fields:
            columns[name] = pa.array([row[place] for row in rows], _TYPES[dtype])
            place += 1
        cells.append(encode(view.schema, pa.table(columns), times + n).rows())
    return list(zip(*cells, strict=True))


def plans() -> tuple[ManyPlan, ManyPlan]:
    own, plain = ManyPlan(OnePlan(views(), NAMES)), ManyPlan(OnePlan(views(), NAMES))
    plain.compiled = None
    return own, plain


@compiled
@settings(max_examples=60, deadline=None)
@given(rows=_rows)
def test_rows_are_cut_in_c_as_they_are_in_python(rows) -> None:
    lines = packed(rows)
    one, other = (PackedMany(plan, lines) for plan in plans())
    assert one.numbers.shape == (len(rows), len(NAMES))
    assert np.array_equal(one.numbers.view(np.int64), other.numbers.view(np.int64))
    assert np.array_equal(one.times, other.times)
    for name in TEXTS:
        assert one.objects(name).tolist() == other.objects(name).tolist()
    some = np.array([len(rows) - 1, 0])
    assert one.take(some).objects("d").tolist() == other.take(some).objects("d").tolist()


@settings(max_examples=30, deadline=None)
@given(rows=_rows)
def test_what_is_read_of_rows_is_what_was_written_into_them(rows) -> None:
    read = PackedMany(plans()[0], packed(rows))
    assert read.times[:, 2].tolist() == [row[0] + 2 for row in rows]
    assert read.objects("d").tolist() == [row[4] for row in rows]
    assert read.objects("e").tolist() == [row[5] or [] for row in rows]
    wholes = [np.nan if row[6] is None else float(row[6]) for row in rows]
    assert np.array_equal(read.numbers[:, 1], wholes, equal_nan=True)


def _damaged(line: tuple[bytes, ...]) -> dict[str, tuple[Any, ...]]:
    first, second, third = line
    return {
        "nothing": (first, None, third),
        "of another schema": (first, second[:3] + b"\xff" + second[4:], third),
        "cut short": (first, second, third[:20]),
        "empty": (b"", second, third),
        "no bytes": (first, second, third.decode("latin-1")),
    }


ROW = (5, 1.5, None, 7, "word", ["x", "y"], 9, "of", "more", 0.25)


@pytest.mark.parametrize("which", [0, pytest.param(1, marks=compiled)])
@pytest.mark.parametrize("damage", _damaged(packed([ROW])[0]))
def test_only_lines_whose_rows_are_all_as_planned_are_sound(which, damage) -> None:
    plan = plans()[1 - which]
    (line,) = packed([ROW])
    lines = [("id", 1, *line), ("other", 2, *_damaged(line)[damage])]
    assert plan.sound(lines, 2) == lines[:1]


@pytest.mark.parametrize("which", [0, pytest.param(1, marks=compiled)])
@pytest.mark.parametrize("name", TEXTS)
def test_a_row_whose_texts_are_not_whole_is_damaged(which, name) -> None:
    plan = plans()[1 - which]
    (line,) = packed([ROW])
    for change in (lambda cell: cell[:-1], lambda cell: cell + b"x"):
        lines = [line, (change(line[0]), line[1], change(line[2]))]
        assert plan.sound(lines, 0) == lines
        with pytest.raises(FingerprintMismatch):
            PackedMany(plan, lines).objects(name)


@compiled
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_bytes_of_any_kind_are_read_alike_or_seen_to_be_damaged(data) -> None:
    (line,) = packed([ROW])
    view = data.draw(st.sampled_from([0, 2]))
    at = data.draw(st.integers(8, len(line[view]) - 1))
    cell = bytearray(line[view])
    cell[at] = data.draw(st.integers(0, 255))
    lines = [tuple(bytes(cell) if n == view else one for n, one in enumerate(line))]

    def told(plan: ManyPlan) -> Any:
        many = PackedMany(plan, lines)
        found: list[Any] = [many.numbers.view(np.int64).tolist(), many.times.tolist()]
        for name in TEXTS:
            try:
                found.append(many.objects(name).tolist())
            except (FingerprintMismatch, UnicodeDecodeError) as error:
                found.append(type(error))
        return found

    one, other = plans()
    assert told(one) == told(other)


@compiled
def test_a_plan_that_reaches_beyond_a_row_is_refused() -> None:
    mark = b"12345678"
    _COMPILED.Cells(((mark, 32, 24, 2),), ((0, 24, False),))
    for views_of, numbers in (
        ((("1234567", 32, 24, 2),), ()),
        (((mark[:7], 32, 24, 2),), ()),
        (((mark, 32, 25, 2),), ()),
        (((mark, 32, -1, 0),), ()),
        (((mark, 8, 0, 0),), ()),
        (((mark, 32, 24, 2),), ((0, 25, False),)),
        (((mark, 32, 24, 2),), ((1, 0, False),)),
        (((mark, 32, 24, 2),), ((0, -1, True),)),
    ):
        with pytest.raises((ValueError, TypeError)):
            _COMPILED.Cells(views_of, numbers)


@compiled
def test_lines_of_other_views_than_planned_are_refused() -> None:
    own, _ = plans()
    (line,) = packed([ROW])
    for lines in ([line[:2]], [list(line)], [(*line, b"")], [(line[0], line[1], None)]):
        with pytest.raises(ValueError, match=r"another schema|other views"):
            own.compiled.numbers(lines)
