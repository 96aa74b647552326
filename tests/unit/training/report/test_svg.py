import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from retain.manifest import Measured
from training.curves import Bin, Curve, Decile
from training.report import plots, svg
from training.report.svg import Scale, short, ticks
from training.report.tags import Markup, table, tag

CURVE = Curve(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.8, 1.0]))
VALUE = Measured(value=0.7, low=0.6, high=0.8)


def test_a_scale_maps_its_ends_and_its_middle():
    scale = Scale(10, 20, 100, 300)
    assert [scale.at(value) for value in (10, 15, 20)] == [100, 200, 300]


def test_a_scale_turned_round_grows_upwards():
    assert Scale(0, 1, 200, 0).at(0.25) == 150


def test_what_lies_beyond_a_scale_is_drawn_at_its_end():
    assert Scale(0, 1, 0, 100).at(7) == 100


def test_a_scale_of_one_value_draws_it_in_the_middle():
    assert Scale(3, 3, 0, 100).at(3) == 50


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 90, [0, 20, 40, 60, 80]),
        (0.71, 0.79, [0.72, 0.74, 0.76, 0.78]),
        (-1300, 2400, [-1000, 0, 1000, 2000]),
        (5, 5, [5]),
        (0, float("inf"), [0]),
    ],
)
def test_ticks_are_round_values_within_the_ends(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "word"), [(0.5, "0.5"), (2, "2"), (1200, "1,200"), (45_000, "45k"), (3.4e6, "3.4M")]
)
def test_numbers_on_an_axis_are_short(value, word):
    assert short(value) == word


DRAWINGS = {
    "lines": plots.lines(
        "Lines <&>", [plots.Series("ours", CURVE)], "x", "y", diagonal="at random"
    ),
    "shaded": plots.lines(
        "Shaded",
        [plots.Series("ours", Curve(CURVE.x, CURVE.y, CURVE.y - 0.1, CURVE.y + 0.1))],
        "x",
        "y",
        even=(0.3, "at random"),
    ),
    "target": plots.intervals(
        "Target", [plots.Row("a", VALUE, "ours")], "inside", percent=True, target=(0.8, "80 %")
    ),
    "intervals": plots.intervals("Intervals", [plots.Row("a & b", VALUE, "ours")], "AUC"),
    "reliability": plots.reliability(
        "Reliability", {"ours": ([Bin(10, 0.2, 0.3, 0.1, 0.5)], "ours")}, "share"
    ),
    "tenths": plots.tenths(
        "Tenths", [Decile(5, 10.0, -2.0, 1.0, 1.0, -3.0, 4.0)], "revenue", {"blend": [7.0]}
    ),
    "bars": plots.bars("Bars", [("spending", 0.6), ("rhythm", 0.4)], "share"),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_well_formed_and_has_its_text_alternative(name):
    root = ET.fromstring(DRAWINGS[name])
    assert root.tag == "svg"
    assert root.get("role") == "img"
    named = root.get("aria-labelledby").split()
    texts = {child.get("id"): child.text for child in root if child.tag in ("title", "desc")}
    assert set(named) == set(texts)
    assert all(texts.values())


@pytest.mark.parametrize("name", DRAWINGS)
def test_everything_is_drawn_within_the_drawing(name):
    root = ET.fromstring(DRAWINGS[name])
    _, _, width, height = map(float, root.get("viewBox").split())
    for mark in root.iter():
        places = [
            (mark.get("x") or mark.get("cx"), width),
            (mark.get("y") or mark.get("cy"), height),
        ]
        assert all(value is None or 0 <= float(value) <= end for value, end in places)
    for points in re.findall(r'points="([^"]+)"', DRAWINGS[name]):
        for point in points.split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_a_series_without_a_name_is_drawn_and_not_listed():
    two = [plots.Series("ours", CURVE), plots.Series("", CURVE)]
    drawn = plots.lines("Two", two, "x", "y")
    assert drawn.count("<polyline") == 2
    assert drawn.count(">Ours<") == 1


def test_what_is_written_is_escaped_and_markup_is_not_escaped_twice():
    assert tag("p", "<script>") == "<p>&lt;script&gt;</p>"
    assert tag("p", tag("b", "a & b"), title='"') == '<p title="&quot;"><b>a &amp; b</b></p>'
    assert isinstance(tag("br"), Markup)


def test_a_table_names_its_rows_and_columns_for_screen_readers():
    drawn = table(("metric", "value"), [("AUC", "0.8")], "Numbers")
    assert '<th scope="col">Metric</th>' in drawn
    assert '<th scope="row">AUC</th>' in drawn
    assert "<caption>Numbers</caption>" in drawn


def test_a_legend_takes_as_many_rows_as_it_needs():
    names = [("a long name of a baseline", "line")] * 4
    assert svg.legend_rows(names, 420) > svg.legend_rows(names[:1], 420) == 1
