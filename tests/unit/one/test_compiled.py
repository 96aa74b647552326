"""What was compiled says what Python says, to the last bit."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.packed_codec import NO_TIME
from feature_repo.packed_hold import compiled as hold_compiled
from feature_repo.packed_hold import plain
from feature_repo.packed_lines import ENDS
from feature_repo.packed_one import OnePlan
from feature_repo.packed_view import stored_views
from retain import native
from retain.features.ageing import STORED_NUMBERS
from retain.features.lifetimes import lifetimes
from retain.moments import plainly_told
from retain.native import build
from retain.one.blends import Blends
from retain.one.curves import CurveReader
from retain.one.ltv import Worth
from retain.predictors import loading
from retain.predictors.blend import Blend
from tests.tiny_models import write_model
from tests.unit.one.test_scores import (
    ODDS,
    SINCE_US,
    WIDTH,
    linear,
    people,
    rows,
    tiny_curves,
    values,
)

DAY_US = 86_400_000_000
EARLIEST, BEYOND = -62_135_596_800_000_000, 253_402_300_800_000_000


def module(name: str) -> Any:
    found = native.compiled(name)
    if found is None:
        pytest.skip("there is no C compiler")
    return found


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_every_source_is_compiled_where_there_is_a_compiler():
    assert native.lacking() == [], "run scripts/compile"


def test_what_was_not_compiled_is_named(monkeypatch):
    monkeypatch.setattr(native, "compiled", lambda name: None if name == "trees" else object())
    assert native.lacking() == ["trees"]


def put_together(blends: list[Blend], defaults: Any = None) -> Any:
    parts = Blends(blends).compiled()
    places = np.arange(WIDTH)
    missing = np.full(WIDTH, np.nan) if defaults is None else defaults
    return module("blends").Blends(WIDTH, places, places[3:5], missing, *parts)


@settings(max_examples=300)
@given(rows, people, st.booleans())
def test_blends_of_one_row_score_as_in_python(row, person, buyer):
    if buyer:
        row[list(ODDS.columns)] = person[2], person[0], person[1]
    blends = [Blend(((linear(seed), 0.3 + seed / 10),)) for seed in range(3)]
    blends.append(Blend(((linear(1), 0.4), (ODDS, 0.6))))

    compiled = put_together(blends).raw(row, row[3:5].tolist())

    with np.errstate(all="ignore"):
        assert repr(compiled) == repr(Blends(blends).raw(row))


@given(rows, values, values)
def test_what_is_put_into_a_row_comes_before_what_stands_for_missing(row, first, second):
    defaults = np.arange(float(WIDTH))
    blends = [Blend(((linear(2), 1.0),))]

    compiled = put_together(blends, defaults).raw(row, [first, second])

    whole = row.copy()
    whole[3:5] = first, second
    assert compiled == Blends(blends).raw(np.where(np.isnan(whole), defaults, whole))


def test_blends_of_another_width_are_refused_and_not_read():
    made = put_together([Blend(((linear(0), 1.0),))])
    for vector, put in (
        (np.zeros(WIDTH + 1), [0.0, 0.0]),
        (np.zeros(WIDTH), [0.0]),
        (np.zeros(2 * WIDTH)[::2], [0.0, 0.0]),
        (np.zeros(WIDTH, dtype=np.float32), [0.0, 0.0]),
        ([0.0] * WIDTH, [0.0, 0.0]),
    ):
        with pytest.raises(ValueError, match="not a vector"):
            made.raw(vector, put)
    with pytest.raises(TypeError):
        made.raw(np.zeros(WIDTH), ["a", "b"])


@settings(max_examples=300)
@given(st.floats(-50.0, 50.0), st.integers(-400 * DAY_US, 900 * DAY_US), st.integers(0, 7))
def test_a_curve_is_read_as_in_python(score, after, tail_from):
    reader = CurveReader(tiny_curves(tail_from), (7.0, 30.0, 90.0, 180.0), (0.1, 0.5, 0.9))

    read = reader.compiled(module("curves")).read(score, SINCE_US + after)

    assert read == reader.read(score, SINCE_US + after)


@given(st.integers(EARLIEST, BEYOND - 1))
def test_a_moment_is_told_as_in_python(moment):
    assert module("moments").told(moment) == plainly_told(moment)


@pytest.mark.parametrize("moment", [EARLIEST, BEYOND - 1, 0, -1, 951_782_400_000_000])
def test_a_moment_at_an_edge_is_told_as_in_python(moment):
    assert module("moments").told(moment) == plainly_told(moment)


@pytest.mark.parametrize("moment", [EARLIEST - 1, BEYOND, 10**30])
def test_a_moment_of_no_calendar_is_refused(moment):
    for told in (module("moments").told, plainly_told):
        with pytest.raises(OverflowError):
            told(moment)


def test_a_module_of_another_source_is_not_used(monkeypatch):
    module("moments")
    monkeypatch.setattr(native, "digest", lambda source: f"of another {source.name}")
    assert native.compiled("moments") is None


def test_without_a_compiler_it_is_said_what_to_do_and_nothing_fails(monkeypatch, capsys):
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    monkeypatch.setattr(build, "digest", lambda _: "new")

    assert build.main() == 0

    told = capsys.readouterr().err
    assert re.search(r"no C compiler.*apt-get install gcc", told)


def test_a_source_that_does_not_compile_leaves_the_module_that_is_there(
    tmp_path: Path, monkeypatch
):
    source = tmp_path / "broken.c"
    source.write_text("#error of a test\n")
    made = source.with_suffix(build.SUFFIX)
    made.write_bytes(b"older")
    monkeypatch.setattr(build, "SOURCES", tmp_path)

    with pytest.raises(build.NotCompiled, match="of a test"):
        build.build()

    assert made.read_bytes() == b"older"


def test_the_types_refuse_to_be_used_before_they_are_made():
    for name, kind, call, given_ in (
        ("blends", "Blends", "raw", (np.zeros(1), [])),
        ("curves", "Curve", "read", (0.0, 0)),
        ("worth", "Worth", "of", (0.0, 0.0, 0)),
        ("cuts", "Cut", "hold", ((), 0, 0)),
    ):
        kinds = getattr(module(name), kind)
        with pytest.raises(TypeError):
            getattr(kinds.__new__(kinds), call)(*given_)


@settings(max_examples=200)
@given(st.floats(-20.0, 20.0), st.floats(-40.0, 40.0), st.integers(-400 * DAY_US, 900 * DAY_US))
def test_a_worth_is_that_of_python(worths, amount, buys, after):
    for worth, compiled in worths:
        assert compiled.of(amount, buys, SINCE_US + after) == worth.around(
            amount, buys, SINCE_US + after
        )


@pytest.fixture(scope="module")
def worths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worth") / "ltv"
    write_model(folder, "ltv")
    hurdle, tweedie = loading.load(folder), loading.load(folder)
    tweedie._buys = None
    made = [Worth(one) for one in (hurdle, tweedie)]
    return [(one, one.compiled(module("worth"))) for one in made]


PLAN = OnePlan(stored_views(lifetimes(30)), (*STORED_NUMBERS, *ENDS))
NOW = 1_790_000_000_000_000
moments = st.one_of(st.just(NOW), st.integers(NOW - 10**14, NOW + 10**13))


@st.composite
def lines(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cells = []
    for place in PLAN.places:
        head = (draw(moments) + (1 << 63)).to_bytes(8, "big")
        cell = bytearray(place.mark + head + rng.bytes(place.width - 16 + draw(st.integers(0, 9))))
        floats = rng.choice([np.nan, 0.0, -1.5, 7e9, np.inf], size=span(place.floats))
        ints = rng.choice([NO_TIME, NOW + 10**13, NOW, 0], size=span(place.ints))
        cell[place.floats], cell[place.ints] = floats.tobytes(), ints.astype(np.int64).tobytes()
        cells.append(bytes(cell))
    return cells


def span(part: slice) -> int:
    return (part.stop - part.start) // 8


@settings(max_examples=300)
@given(lines(), moments)
def test_rows_hold_and_age_as_in_python(line, moment):
    with np.errstate(all="ignore"):
        plainly = plain(PLAN)(("of the log", *line), 1, moment)
    held = hold_compiled(PLAN, module("cuts"))(("of the log", *line), 1, moment)

    if plainly is None or held is None:
        assert plainly is held
    else:
        assert held[0].tobytes() == plainly[0].tobytes()
        assert held[1] == plainly[1]


@given(lines(), st.integers(0, 20), st.sampled_from(["none", "text", "short", "marked", "few"]))
def test_rows_that_are_not_as_planned_hold_no_more_than_in_python(line, which, how):
    place = which % len(line)
    width, cell = PLAN.places[place].width, line[place]
    instead = {"none": None, "text": "text", "short": cell[: width - 1], "marked": b"x" + cell[1:]}
    changed = [*line[:place], *([] if how == "few" else [instead[how]]), *line[place + 1 :]]

    assert hold_compiled(PLAN, module("cuts"))(tuple(changed), 0, NOW + 10**14) is None
