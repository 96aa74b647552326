"""The action catalogue: the default one, and what is refused."""

import pytest
import yaml
from pydantic import ValidationError

from retain import segments
from retain.decisions import (
    budgets,
    caps,
    catalogues,
    eligibility,
    exclusions,
    follow_ups,
    ranked,
    ranking,
)
from retain.decisions.actions import NONE, Action, ActionConfig, QuietHours, Treatment
from retain.errors import InvalidInput
from retain.settings import PROJECT_CONFIG
from tests.catalogues import action, catalogue

DEFAULT = catalogues.load(PROJECT_CONFIG / "actions.yaml")


def test_the_default_catalogue_covers_every_situation_of_the_field():
    purposes = {each.purpose for each in DEFAULT.actions}
    assert purposes >= {
        *("win_back", "retention_offer", "re_engagement", "replenishment_reminder", "cross_sell"),
        *("onboarding", "cart_recovery", "payment_help", "review_request", "referral"),
        *("vip_care", "service_recovery", "none"),
    }
    assert DEFAULT.by_id.keys() >= {
        *("winback_offer_email", "replenishment_email", "cross_sell_email", "reengagement_push"),
        NONE,
    }


def test_doing_nothing_costs_nothing_and_is_for_everybody():
    nothing = DEFAULT.by_id[NONE]
    assert (nothing.contact_cost, nothing.eligibility, nothing.stages) == (0, (), ())


def test_stages_of_the_default_catalogue_are_stages_of_the_default_segments():
    stages = {stage.name for stage in segments.load(PROJECT_CONFIG / "segments.yaml").stages}
    assert {stage for each in DEFAULT.actions for stage in each.stages} <= stages


def test_nothing_sells_to_an_unhappy_customer():
    for each in DEFAULT.actions:
        if each.consent == "marketing" and each.is_contact:
            assert "happy" in each.eligibility, each.id


def test_every_discount_waits_after_an_order():
    for each in DEFAULT.actions:
        if any(treatment.discount for treatment in each.treatments) and each.is_contact:
            apart = {"not_just_bought", "never_bought", "cart_left", "browsing"}
            assert apart & set(each.eligibility), each.id


def test_every_prior_names_its_source():
    assert all(each.prior.source for each in DEFAULT.actions)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"id": "Bad Id"}, "actions[1] (Bad Id).id"),
        ({"channel": "pigeon"}, "actions[1] (good).channel"),
        ({"margin": 1.5}, "actions[1] (good).margin"),
        ({"eligibility": ["unheard_of"]}, "unheard_of"),
        ({"value": "avrage_order_value"}, "avrage_order_value"),
        ({"value": "1 > 0"}, "good.value"),
        ({"colour": "red"}, "colour"),
        ({"id": "none"}, "one id"),
        ({"treatments": [{"name": "a"}, {"name": "a"}]}, "one name"),
        ({"valid_hours": 0}, "valid_hours"),
    ],
)
def test_a_wrong_catalogue_is_refused_with_the_part_at_fault(tmp_path, change, part):
    config = DEFAULT.config.model_dump(mode="json")
    config["actions"] = [config["actions"][0], {**action("good"), **change}]
    config |= {"tag_caps": {}, "exclusions": {}}
    path = tmp_path / "actions.yaml"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(InvalidInput) as caught:
        catalogues.load(path)
    assert part in caught.value.message
    assert "actions.yaml" in caught.value.message


def test_an_unknown_column_in_a_rule_names_rule_and_column():
    with pytest.raises(InvalidInput) as caught:
        catalogue(rules={"lost": {"when": "recency > 3", "says": "x"}})
    assert "lost" in caught.value.message
    assert "recency" in caught.value.message


def test_a_catalogue_without_doing_nothing_is_refused():
    with pytest.raises(ValidationError):
        catalogue(actions=[action("only")])


def test_a_time_zone_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError):
        catalogue(time_zone="Mars/Olympus")


def test_quiet_hours_may_span_midnight():
    night, noon = QuietHours(start=21, end=8), QuietHours(start=12, end=14)
    assert [night.cover(hour) for hour in (20, 21, 0, 7, 8)] == [False, True, True, True, False]
    assert [noon.cover(hour) for hour in (11, 12, 13, 14)] == [False, True, True, False]


GUIDE = (PROJECT_CONFIG.parent / "docs" / "guides" / "actions.md").read_text("utf-8")


@pytest.mark.parametrize("model", [Action, ActionConfig, Treatment])
def test_every_field_of_the_file_is_documented(model):
    documented = {*model.model_fields} - {"name", "actions"}
    assert [field for field in sorted(documented) if f"`{field}`" not in GUIDE] == []


def test_every_built_in_reason_for_removal_is_documented():
    reasons = {
        value
        for module in (budgets, caps, eligibility, exclusions, follow_ups, ranked, ranking)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and value
    }
    assert [reason for reason in sorted(reasons) if f"`{reason}`" not in GUIDE] == []
