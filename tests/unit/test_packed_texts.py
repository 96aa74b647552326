"""One customer's texts cut in C are what they are when cut in Python, and damage is seen."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo import packed_texts
from feature_repo.packed_one import OnePlan, PackedOne
from retain import native
from retain.errors import FingerprintMismatch
from tests.unit.test_packed_many import NAMES, TEXTS, _rows, packed, views

_COMPILED = native.compiled("texts")
pytestmark = pytest.mark.skipif(_COMPILED is None, reason="the hot path was not compiled")

PLAN = OnePlan(views(), NAMES)


def told(row: Any) -> list[Any]:
    """What a row says of every text, in every way, or the error in its place."""
    said: list[Any] = []
    for ask in (row.raw, row.text, row.texts):
        for name in (*TEXTS, *reversed(TEXTS)):
            try:
                said.append(ask(name))
            except (FingerprintMismatch, UnicodeDecodeError) as error:
                said.append((type(error), str(error)))
    return said


def both(cells: tuple[bytes, ...]) -> tuple[list[Any], list[Any]]:
    made = packed_texts.compiled(PLAN, _COMPILED)
    assert made is not None
    return told(made(cells)), told(PackedOne(PLAN, cells))


@settings(max_examples=150, deadline=None)
@given(rows=_rows)
def test_texts_are_cut_in_c_as_they_are_in_python(rows) -> None:
    for cells in packed(rows):
        compiled, plain = both(cells)
        assert compiled == plain


@settings(max_examples=300, deadline=None)
@given(rows=_rows, view=st.integers(0, 2), data=st.data())
def test_a_damaged_row_is_told_as_in_python(rows, view, data) -> None:
    cells = list(packed(rows)[0])
    width = PLAN.places[view].width
    cell = bytearray(cells[view])
    how = data.draw(st.sampled_from(["changed", "longer", "shorter"]))
    if how == "changed":
        at = data.draw(st.integers(16, len(cell) - 1))
        cell[at] = data.draw(st.integers(0, 255))
    elif how == "longer":
        cell += data.draw(st.binary(min_size=1, max_size=4))
    else:
        del cell[max(width, len(cell) - data.draw(st.integers(1, 4))) :]
    cells[view] = bytes(cell)

    compiled, plain = both(tuple(cells))

    assert compiled == plain


def test_a_name_that_is_no_text_is_a_key_error_in_both() -> None:
    cells = packed([(0, *[None] * 10)])[0]
    for row in (packed_texts.compiled(PLAN, _COMPILED)(cells), PackedOne(PLAN, cells)):
        with pytest.raises(KeyError, match="nobody"):
            row.raw("nobody")


@pytest.mark.parametrize("cells", [None, (), [b"", b"", b""], (b"", b"", None), (b"", b"")])
def test_what_are_no_rows_is_refused(cells) -> None:
    with pytest.raises(TypeError):
        packed_texts.compiled(PLAN, _COMPILED)(cells)


@pytest.mark.parametrize(
    ("views_", "texts"),
    [
        (((8, 0, 0),), {}),
        (((40, 38, 1),), {}),
        (((40, 20, -1),), {}),
        (((40, 20, 2),), {"a": (1, 0, 0, 1)}),
        (((40, 20, 2),), {"a": (0, 2, 0, 1)}),
        (((40, 20, 2),), {"a": (0, 0, 40, 1)}),
        (((40, 20, 2),) * 65, {}),
    ],
)
def test_a_plan_that_would_read_beside_a_row_is_refused(views_, texts) -> None:
    with pytest.raises(ValueError, match="row"):
        _COMPILED.Plan(views_, texts, 0, 1, RuntimeError)
