"""What an arm changes about the actions of the catalogue."""

from retain.experiments.assignment import Assigner
from retain.experiments.effects import Effects, effects
from tests.catalogues import NOW
from tests.experiments import CATALOGUE, arm, declared, experiment

PLACE = {action.id: place for place, action in enumerate(CATALOGUE.actions)}


def of(**change) -> Effects:
    arms = [arm("control", 0.5, **change), arm("same", 0.5, **change)]
    assigned = Assigner(declared(experiment(arms=arms))).assign({}, ["c1"], NOW)
    found = effects(assigned, CATALOGUE)
    assert found is not None
    return found


def test_levers_of_an_action_and_of_its_tags_multiply() -> None:
    found = of(levers={"offer": 2}, tag_levers={"discount": 1.5})
    assert found.lever[0, PLACE["offer"]] == 3
    assert found.lever[0, PLACE["mail"]] == 1


def test_a_tag_excludes_all_its_actions() -> None:
    excluded = of(exclude_tags=["discount"]).excluded[0]
    assert [excluded[PLACE[name]] for name in ("offer", "mail", "none")] == [True, False, False]


def test_an_arm_of_nothing_leaves_none_and_what_must_be_sent() -> None:
    excluded = of(nothing=True).excluded[0]
    assert [excluded[PLACE[name]] for name in ("offer", "mail", "none", "must")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_treatment_and_a_policy_are_set() -> None:
    found = of(treatments={"offer": "large"}, policy="exploring")
    assert found.treatment[0].tolist() == [-1, 1, -1, -1]
    assert found.policies == ("exploring",)


def test_who_is_in_no_experiment_is_decided_for_as_before() -> None:
    assigner = Assigner(declared(experiment(traffic=[0.0, 0.5])))
    names = [f"c{n}" for n in range(50)]
    assigned = assigner.assign({}, names, NOW)
    found = effects(assigned, CATALOGUE)
    assert found is not None
    outside = [row for row, arms in enumerate(assigned) if not arms]
    assert outside
    assert (found.lever[outside] == 1).all()
    assert (found.treatment[outside] == -1).all()


def test_arms_that_change_nothing_cost_nothing() -> None:
    arms = [arm("a", 0.5), arm("b", 0.5)]
    assigned = Assigner(declared(experiment(arms=arms))).assign({}, ["c1"], NOW)
    assert effects(assigned, CATALOGUE) is None
    assert effects([()], CATALOGUE) is None
