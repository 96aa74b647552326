"""Segments: every customer is in exactly one, for the reasons the file declares."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain import segments
from retain.columns import READ_TIME
from retain.errors import InvalidInput
from retain.rfm import RfmEdges
from retain.segments import Segmenter
from retain.settings import PROJECT_CONFIG

CONFIG = segments.load(PROJECT_CONFIG / "segments.yaml")
EDGES = RfmEdges(
    recency_days=(20, 45, 90, 180),
    frequency=(1, 2, 3, 6),
    monetary=(50, 120, 300, 700),
    vip_spend_365d=2000,
    customers=1000,
)
SEGMENTER = Segmenter(CONFIG, EDGES)

NOBODY = {
    name: {"number": np.nan, "text": None, "list": []}[kind] for name, kind in READ_TIME.items()
}


def customers(*rows):
    """Columns of customers, each given by what is known of them."""
    table = {}
    for name, kind in READ_TIME.items():
        values = [{**NOBODY, **row}[name] for row in rows]
        column = np.empty(len(rows), dtype=float if kind == "number" else object)
        column[:] = values
        table[name] = column
    return table


def buyer(recency, orders, spend, **more):
    return {
        "order_recency_days": recency,
        "orders_365d": orders,
        "orders_lifetime": max(orders, 1),
        "net_spend_365d": spend,
        **more,
    }


def segment_of(**row):
    return SEGMENTER.segment(customers(row)).names[0]


@pytest.mark.parametrize(
    ("row", "segment", "priority"),
    [
        (buyer(5, 10, 900), "champions", "A"),
        (buyer(200, 10, 900), "cannot_lose_them", "A"),
        (buyer(60, 5, 500), "loyal_customers", "A"),
        (buyer(5, 1, 40), "new_customers", "B"),
        (buyer(60, 1, 40), "promising", "B"),
        (buyer(30, 2, 100), "potential_loyalists", "B"),
        (buyer(200, 4, 100), "at_risk", "A"),
        (buyer(70, 2, 100), "need_attention", "B"),
        (buyer(70, 2, 40, orders_lifetime=3), "about_to_sleep", "B"),
        (buyer(300, 1, 30), "hibernating", "C"),
        (buyer(500, 0, 0), "lost", "C"),
        ({"product_views_30d": 4}, "browser", "B"),
        ({}, "prospect", "C"),
    ],
)
def test_the_standard_groups_are_where_a_marketer_expects_them(row, segment, priority):
    found = SEGMENTER.segment(customers(row))
    assert (found.names[0], found.priorities[0]) == (segment, priority)


@pytest.mark.parametrize(
    ("row", "stage"),
    [
        ({}, "awareness"),
        ({"searches_30d": 1}, "consideration"),
        (buyer(3, 1, 40), "purchase"),
        (buyer(40, 1, 40), "use"),
        (buyer(3, 4, 400), "loyalty"),
        (buyer(3, 4, 400, last_score=10), "advocacy"),
        (buyer(80, 4, 400, cycle_position=2.5), "lapsing"),
        (buyer(200, 1, 40), "lapsing"),
        (buyer(200, 4, 400, cycle_position=5), "lapsed"),
        (buyer(400, 0, 0), "lapsed"),
    ],
)
def test_the_journey_stage_follows_what_the_customer_did(row, stage):
    assert SEGMENTER.segment(customers(row)).stages[0] == stage


def test_every_group_and_stage_of_the_file_can_be_reached():
    reached = {group.name for group in CONFIG.groups}
    assert len(reached) == 13
    assert {stage.name for stage in CONFIG.stages} == {
        *("awareness", "consideration", "purchase", "use"),
        *("loyalty", "advocacy", "lapsing", "lapsed"),
    }


def test_vip_is_who_reaches_the_fitted_yearly_spend():
    found = SEGMENTER.segment(customers(buyer(5, 9, 2000), buyer(5, 9, 1999)))
    assert ["vip" in tags for tags in found.tags] == [True, False]


def test_a_customer_may_have_several_tags():
    row = buyer(5, 9, 3000, coupon_use_rate=0.8, return_rate=0.4)
    assert SEGMENTER.segment(customers(row)).tags[0] == [
        "vip",
        "bargain_hunter",
        "frequent_returner",
    ]


def test_segments_give_the_columns_that_action_rules_read():
    columns = SEGMENTER.segment(customers(buyer(5, 10, 900))).columns()
    assert {name: column[0] for name, column in columns.items()} == {
        "segment": "champions",
        "priority": "A",
        "stage": "loyalty",
        "tags": [],
        "r": 5.0,
        "f": 5.0,
        "m": 5.0,
    }


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "segments.yaml"
    path.write_text(text)
    return path


LAST = "{name: rest, names: {en: R, ko: R}, priority: C, rule: true, reason: x}"
STAGE = "{name: rest, names: {en: R, ko: R}, rule: true, reason: x}"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (f"groups: [{LAST.replace('true', 'r > 1')}]\nstages: [{STAGE}]", "groups"),
        (f"groups: [{LAST}, {LAST}]\nstages: [{STAGE}]", "groups"),
        (f"groups: [{LAST}]\nstages: []", "stages"),
        (f"groups: [{LAST}]\nstages: [{STAGE}]\ntags: [{STAGE.replace('true', 'rr > 1')}]", "rr"),
        (
            f"groups: [{LAST.replace('rest', 'The Rest')}]\nstages: [{STAGE}]",
            "groups[0] (The Rest).name",
        ),
        (f"groups: [{LAST}]\nstages: [{STAGE}]\ncolour: red", "colour"),
        ("groups: [", "segments.yaml"),
    ],
)
def test_a_wrong_file_is_refused_with_the_part_at_fault(tmp_path, text, part):
    with pytest.raises(InvalidInput) as caught:
        segments.load(_write(tmp_path, text))
    assert part in caught.value.message
    assert "segments.yaml" in caught.value.message


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInput):
        segments.load(tmp_path / "segments.yaml")


numbers = st.one_of(
    st.none(), st.sampled_from([0.0, 0.3, 1.0, 3.0, 9.0, 40.0, 100.0, 250.0, 400.0])
)
anybody = st.fixed_dictionaries(
    {},
    optional={
        name: numbers.map(lambda value: np.nan if value is None else value)
        for name, kind in READ_TIME.items()
        if kind == "number"
    },
)


@settings(max_examples=60, deadline=None)
@given(st.lists(anybody, min_size=1, max_size=6))
def test_every_customer_has_exactly_one_group_and_stage_alone_or_among_others(rows):
    together = SEGMENTER.segment(customers(*rows))
    for i, row in enumerate(rows):
        alone = SEGMENTER.segment(customers(row))
        assert alone.names[0] == together.names[i]
        assert alone.stages[0] == together.stages[i]
        assert alone.tags[0] == together.tags[i]
    assert set(together.names) <= {group.name for group in CONFIG.groups}
    assert set(together.stages) <= {stage.name for stage in CONFIG.stages}


READ = sorted({c for label in (*CONFIG.groups, *CONFIG.stages, *CONFIG.tags)
               for c in segments.compile_rule(label.rule, segments.SEGMENT_RULES, name="", file="").columns}
              & READ_TIME.keys())  # fmt: skip
_amounts = st.sampled_from([np.nan, -1.0, 0.0, 1.0, 2.0, 15.0, 45.0, 200.0, 2500.0])
_words = {"number": _amounts, "text": st.sampled_from([None, "gold", "active"]),
          "list": st.sampled_from([[], ["email"], ["p1", "p2"]])}  # fmt: skip
anybody = st.fixed_dictionaries({name: _words[READ_TIME[name]] for name in READ})


@settings(max_examples=200)
@given(st.lists(anybody, min_size=2, max_size=4))
def test_one_customer_is_segmented_as_among_many(rows):
    many = SEGMENTER.segment(customers(*rows)).columns()
    for at, row in enumerate(rows):
        one = SEGMENTER.segment(customers(row)).columns()
        for name, column in one.items():
            np.testing.assert_array_equal(column[0], many[name][at], err_msg=name)
