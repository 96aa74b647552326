"""One customer is ranked in C where that was compiled: as in Python, to the last bit."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain import native
from retain.decisions.actions import ActionConfig
from retain.decisions.catalogues import compile_catalogue
from retain.decisions.channels import ChannelPreference
from retain.decisions.ranking import Ranker
from retain.features.ageing import OBJECTS
from retain.features.sheet import PLACES
from retain.one.columns import OneColumns
from retain.one.features import One
from tests.catalogues import NOW
from tests.ones import fresh, one_of
from tests.rankings import CATALOGUES, DEFAULT, OWN, Campaigns, anybody

pytestmark = pytest.mark.skipif(native.compiled("ranks") is None, reason="there is no C compiler")
TERMS = ("uplift", "value", "margin", "contact_cost", "redemption_cost", "context_weight",
         "channel_weight", "lever")  # fmt: skip


def changed(catalogue: Any, **fields: Any) -> Any:
    config = ActionConfig.model_validate({**catalogue.config.model_dump(), **fields})
    return compile_catalogue(config, file="test.yaml")


def without(term: str) -> Any:
    return changed(OWN, exploration={}, ranking={"terms": {term: False}})


RANKERS = {
    name: Ranker(catalogue, Campaigns(), preference=ChannelPreference({"email": 0.3}))
    for name, catalogue in (
        *CATALOGUES.items(),
        ("all else", changed(OWN, exploration={}, reachable_by_default=[])),
        *((term, without(term)) for term in TERMS),
    )
}
RANKERS["no model"] = Ranker(DEFAULT)


def in_python(ranker: Ranker) -> Ranker:
    plain = copy.copy(ranker)
    plain.ranks = None
    return plain


def known(row: dict[str, Any], *, stale: bool) -> One:
    vector = {name: value for name, value in row.items() if name in PLACES}
    stored = {name: value for name, value in row.items() if name in OBJECTS}
    one = one_of(vector, **stored)
    one.update({k: v for k, v in row.items() if k not in vector and k not in stored})
    if stale:
        one["stale_features"] = True
    return one


def told(ranker: Ranker, one: One) -> tuple[Any, ...]:
    ranking = ranker.rank_one(one, OneColumns(one), "c1", now=NOW)
    ranked = ranking.of(0)[1]
    worths = [ranked.worths.of(place) for place in range(len(ranked.removed))]
    expected = [ranked.worths.expected(place) for place in range(len(ranked.removed))]
    return ranked.removed, ranked.kept, repr(worths), repr(expected), ranking.best(0, seed="s")


@pytest.mark.parametrize("name", RANKERS)
@settings(max_examples=60, deadline=None)
@given(row=anybody, stale=st.sampled_from([False, False, False, True]))
def test_a_customer_is_ranked_in_c_as_in_python(name, row, stale):
    ranker = RANKERS[name]
    assert ranker.ranks is not None
    one = known(row, stale=stale)
    assert told(ranker, fresh(one)) == told(in_python(ranker), one)


def test_what_is_put_over_a_stored_list_counts_instead_of_it():
    ranker = RANKERS["default"]
    one = one_of({"orders_lifetime": 0.0}, reachable_channels=["sms"])
    assert told(ranker, fresh(one)) == told(in_python(ranker), fresh(one))
    before = told(ranker, fresh(one))
    one["reachable_channels"] = ["email", "push", "SMS"]
    assert told(ranker, fresh(one)) == told(in_python(ranker), fresh(one)) != before


def test_what_a_model_says_wrongly_is_an_error_and_no_answer():
    class Odd(Campaigns):
        def response(self, matrix: Any, action_ids: Any) -> Any:
            treated, held_out = super().response(matrix, action_ids)
            return treated[:, 1:], held_out

    ranker = Ranker(changed(OWN, exploration={}), Odd())
    one = one_of({"orders_lifetime": 1.0})
    with pytest.raises(ValueError, match="two numbers"):
        told(ranker, one)


def test_ranks_of_parts_that_do_not_fit_are_refused():
    module = native.compiled("ranks")
    program = (1, (("at", 0, -1, 0.0), ("not_zero", 0, -1, 0.0)), (), ())
    column = ("stage", False, 1, lambda value: b"x")
    nothing = ("why", 2, 0, 0)
    action = (0, 0, 0, False, False, "email", 1.0, 0.0, 1.0, (0,), (), ((1.0, 0.0, 0.0),))
    good = [program, (column,), (nothing,), (action,), 0, True, True, True, None, None, "a", "b"]
    module.Ranks(*good)
    for place, value in (
        (0, (1, (("at", 1, -1, 0.0),), (), ())),
        (1, (("stage", False, 1),)),
        (2, (("why", 0, 0, 0),)),
        (2, (("why", 1, 1, 0),)),
        (2, (("why", 1, 0, 1),)),
        (2, (("why", 3, 0, 0),)),
        (2, (7,)),
        (3, ((1, *action[1:]),)),
        (3, ((*action[:9], (1,), (), action[11]),)),
        (3, ((*action[:10], ((0, 1.0),), action[11]),)),
        (3, ((*action[:11], ()),)),
        (3, ((*action[:11], (("a",),)),)),
        (4, 1),
        (4, -1),
    ):
        wrong = list(good)
        wrong[place] = value
        with pytest.raises((ValueError, TypeError)):
            module.Ranks(*wrong)
