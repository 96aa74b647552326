"""What is declared wrongly is refused with words that say what to do."""

import pytest
from pydantic import ValidationError

from retain.decisions import catalogues
from retain.errors import InvalidInput, NotFound
from retain.experiments import loading
from retain.settings import PROJECT_CONFIG
from tests.experiments import arm, declared, experiment, factors, one


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"arms": [arm("a", 0.5)]}, "two arms or more"),
        ({"arms": [arm("a", 0.5), arm("b", 0.4)]}, "must be 1"),
        ({"arms": [arm("a", 0.5), arm("a", 0.5)]}, "one name"),
        ({"arms": []}, "either `arms` or two `factors`"),
        ({"factors": factors()}, "either `arms` or two `factors`"),
        ({"traffic": [0.5, 0.5]}, "traffic must rise"),
        ({"layer": "else"}, "name it under `layers`"),
        ({"start": None}, "say since when"),
        ({"end": "2026-10-01"}, "ends before it starts"),
        ({"design": {}}, "state in `design`"),
        ({"design": {"primary": "revenue", "minimum_lift": 0.1}}, "revenue_mean"),
        ({"bandit": {"floor": 0.5}, "arms": [arm("a", 0.6), arm("b", 0.4)]}, "less than the floor"),
        ({"arms": [], "factors": factors(), "bandit": {}}, "not factors"),
        ({"wish": 1}, "wish"),
    ],
)
def test_a_wrong_experiment_is_refused_and_told_why(fields, says) -> None:
    with pytest.raises(ValidationError) as caught:
        declared(experiment(**fields))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("change", "says", "remedy"),
    [
        ({"levers": {"ofer": 2}}, "the action 'ofer'", "'offer'"),
        ({"exclude_tags": ["discounts"]}, "the tag 'discounts'", "'discount'"),
        ({"treatments": {"offer": "larg"}}, "treatment of offer 'larg'", "'large'"),
        ({"exclude_actions": ["none"]}, "excludes 'none'", "always possible"),
    ],
)
def test_what_the_catalogue_does_not_have_is_named_with_what_is_near(change, says, remedy) -> None:
    with pytest.raises(InvalidInput) as caught:
        declared(experiment(arms=[arm("a", 0.5), arm("b", 0.5, **change)]))
    assert says in caught.value.message
    assert remedy in caught.value.remedy


def test_a_rule_over_an_unknown_column_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"coupons.eligible"):
        declared(experiment(eligible="segmnt == 'lost'"))


def test_two_running_experiments_cannot_take_the_same_traffic() -> None:
    with pytest.raises(ValidationError, match="same traffic of the layer offers"):
        declared(experiment("a", traffic=[0, 0.6]), experiment("b", traffic=[0.5, 1]))


def test_the_traffic_of_one_that_has_ended_may_be_taken_over() -> None:
    declared(experiment("a", end="2026-11-10"), experiment("b", start="2026-11-10"))
    declared(experiment("a", status="stopped"), experiment("b"))


def test_a_treatment_cannot_be_set_in_two_layers() -> None:
    both = (experiment("a"), experiment("b", layer="wording"))
    with pytest.raises(ValidationError, match="both set the treatment of offer"):
        declared(*both, layers=("offers", "wording"))


def test_a_name_is_never_used_twice() -> None:
    with pytest.raises(ValidationError, match="never reused"):
        declared(experiment("a", status="stopped"), experiment("a"))


def test_cells_of_a_factorial_experiment_change_what_their_levels_change() -> None:
    found = one(arms=[], factors=factors(levers={"offer": 3}))
    by_name = {cell.name: cell for cell in found.cells}
    assert by_name["deep+warm"].change.levers == {"offer": 6}
    assert by_name["deep+warm"].share == 0.25
    assert found.cells[0].name == "low+plain"


def test_an_experiment_that_is_not_declared_is_answered_with_what_is_near() -> None:
    with pytest.raises(NotFound) as caught:
        declared(experiment("coupons")).named("coupon")
    assert "'coupons'" in caught.value.remedy


def test_nothing_runs_as_it_is_shipped() -> None:
    shipped = loading.load(PROJECT_CONFIG, catalogues.load(PROJECT_CONFIG / "actions.yaml"))
    assert shipped.config.experiments == ()


def test_the_example_in_the_shipped_file_is_a_declaration(tmp_path) -> None:
    lines = (PROJECT_CONFIG / "experiments.yaml").read_text("utf-8").splitlines()
    example = [line.removeprefix("# ") for line in lines if line.startswith("#")]
    start = next(n for n, line in enumerate(example) if line.startswith("layers:"))
    (tmp_path / "experiments.yaml").write_text("\n".join(example[start:]), "utf-8")
    found = loading.load(tmp_path, catalogues.load(PROJECT_CONFIG / "actions.yaml"))
    assert found.named("deeper_coupons").status == "running"
