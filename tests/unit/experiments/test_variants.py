"""What an arm changes about deciding."""

from functools import partial

import pytest

from retain.decisions.ranking import Ranker, Ranking
from retain.experiments.assignment import Assigner
from retain.experiments.variants import EXPERIMENT_ARM, Arms
from tests.catalogues import NOW, customers
from tests.experiments import CATALOGUE, arm, declared, experiment

BASE = Ranker(CATALOGUE)


def arms(**change) -> Arms:
    both = [arm("control", 0.5, **change), arm("same", 0.5, **change)]
    return Arms(BASE, partial(Ranker), Assigner(declared(experiment(arms=both))))


def ranked(**change) -> Ranking:
    [(ranker, assigned)] = arms(**change).of({}, ["c1"], NOW)
    assert assigned
    return ranker.rank(customers({}), ["c1"], now=NOW)


def terms(ranking: Ranking) -> dict[str, float]:
    return {
        one.action.id: one.terms.expected_value
        for one in ranking.candidates(0)
        if one.removed_by is None
    }


def removed(ranking: Ranking) -> dict[str, str]:
    return {
        one.action.id: one.removed_by for one in ranking.candidates(0) if one.removed_by is not None
    }


def test_a_lever_of_an_action_and_of_its_tag_multiply_its_worth_and_stand_in_its_terms() -> None:
    found = ranked(levers={"offer": 2}, tag_levers={"discount": 1.5})
    plain = BASE.rank(customers({}), ["c1"], now=NOW)
    assert terms(found)["offer"] == pytest.approx(3 * terms(plain)["offer"])
    assert terms(found)["mail"] == terms(plain)["mail"]
    offer = next(one for one in found.candidates(0) if one.action.id == "offer")
    assert offer.terms.lever == 3


def test_what_an_arm_excludes_is_removed_by_name() -> None:
    assert removed(ranked(exclude_tags=["discount"])) == {"offer": EXPERIMENT_ARM}
    assert removed(ranked(exclude_actions=["mail"])) == {"mail": EXPERIMENT_ARM}


def test_an_arm_of_nothing_leaves_none_and_what_must_be_sent() -> None:
    assert set(terms(ranked(nothing=True))) == {"none", "must"}


def test_a_treatment_is_the_one_the_arm_says() -> None:
    found = ranked(treatments={"offer": "large"})
    offer = next(one for one in found.candidates(0) if one.action.id == "offer")
    assert offer.treatment.name == "large"


def test_a_policy_explores_for_its_arm_alone() -> None:
    found = ranked(policy={"method": "epsilon_greedy", "epsilon": 0.4})
    chances = [one.propensity for one in found.candidates(0, seed="s") if one.propensity]
    assert sum(chances) == pytest.approx(1.0)
    assert len(chances) > 1
    assert BASE.rank(customers({}), ["c1"], now=NOW).best(0).propensity == 1.0


def test_customers_of_one_arm_share_a_ranker_and_those_outside_have_the_plain_one() -> None:
    changed = arm("large", 0.5, treatments={"offer": "large"})
    both = [arm("control", 0.5), changed]
    some = Assigner(declared(experiment(arms=both, traffic=[0.0, 0.5])))
    found = Arms(BASE, partial(Ranker), some).of({}, [f"c{n}" for n in range(60)], NOW)
    rankers = {arms[0].arm if arms else None: ranker for ranker, arms in found}
    assert set(rankers) == {"control", "large", None}
    assert rankers["control"] is rankers[None] is BASE
    assert len({id(ranker) for ranker, _ in found}) == 2


def test_layers_together_change_what_each_changes() -> None:
    levers = [arm("x", 0.5, levers={"offer": 2}), arm("y", 0.5, levers={"offer": 2})]
    others = [arm("x", 0.5, levers={"mail": 3}), arm("y", 0.5, levers={"mail": 3})]
    both = declared(
        experiment("a", arms=levers),
        experiment("b", arms=others, layer="wording"),
        layers=("offers", "wording"),
    )
    [(ranker, assigned)] = Arms(BASE, partial(Ranker), Assigner(both)).of({}, ["c1"], NOW)
    by_id = ranker.catalogue.by_id
    assert [one.experiment for one in assigned] == ["a", "b"]
    assert (by_id["offer"].lever, by_id["mail"].lever) == (2, 3)


def test_without_experiments_everybody_has_the_plain_ranker() -> None:
    assert Arms(BASE, partial(Ranker), Assigner(declared())).of({}, ["c1"], NOW) == [(BASE, ())]
