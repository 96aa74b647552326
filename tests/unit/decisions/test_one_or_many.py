"""One customer is ranked value by value, many by arrays: both must say the same of everybody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain.columns import ACTION_RULES
from retain.decisions.channels import ChannelPreference
from retain.decisions.ranking import Ranker
from retain.decisions.reads import BESIDE
from retain.decisions.receipt import Evidence
from retain.decisions.receipt_writer import Shown, Writer
from retain.decisions.state import ContactState
from tests.catalogues import NOW, customers
from tests.rankings import CATALOGUES, READ, Campaigns, anybody, moments


@pytest.mark.parametrize("declared", ["default", "own"])
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(anybody, min_size=2, max_size=4), context=moments)
def test_a_customer_alone_has_the_same_terms_rules_and_chances_as_among_others(
    declared, rows, context
):
    ranker = Ranker(CATALOGUES[declared], Campaigns(), preference=ChannelPreference({"email": 0.3}))
    ids = [f"c{number}" for number in range(len(rows))]
    columns = customers(*rows)
    together = ranker.rank(columns, ids, now=NOW, context=context)
    for number, customer_id in enumerate(ids):
        own = {name: column[number : number + 1] for name, column in columns.items()}
        alone = ranker.rank(own, [customer_id], now=NOW, context=context)
        assert (alone.table is None, together.table is None) == (True, False)
        assert alone.candidates(0, seed="s") == together.candidates(number, seed="s")
        assert alone.best(0, seed="s") == together.best(number, seed="s")
        assert [each.send_at for each in alone.candidates(0)] == [
            each.send_at for each in together.candidates(number)
        ]


class Listening(dict):
    """Columns that remember which of them were asked for."""

    def __init__(self, columns):
        super().__init__(columns)
        self.asked = set()

    def get(self, name, default=None):
        self.asked.add(name)
        return super().get(name, default)

    def __getitem__(self, name):
        self.asked.add(name)
        return super().__getitem__(name)


@pytest.mark.parametrize("declared", ["default", "own"])
def test_a_ranker_says_beforehand_all_that_it_and_its_receipts_read_of_a_customer(declared):
    ranker = Ranker(CATALOGUES[declared], Campaigns())
    columns = Listening(customers({"stage": "use", "ltv_value": 80.0}, {"stage": "lapsing"}))
    ranking = ranker.rank(columns, ["c1", "c2"], now=NOW)
    writer, shown = Writer(), Shown([], "", "")
    for row in range(2):
        assert writer.written("d", (ranking, row), ContactState(), Evidence(), shown)
    read_beside = columns.asked & set(BESIDE)
    assert {"ltv_value", "withdrawn_purposes"} <= read_beside <= set(ranker.reads)


def test_the_columns_tried_here_are_those_that_rules_read():
    assert set(ACTION_RULES) >= READ
