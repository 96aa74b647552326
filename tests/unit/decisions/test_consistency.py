"""A catalogue that contradicts itself is refused with a sentence that says what to do."""

import pytest
from pydantic import ValidationError

from retain.decisions.constraints import channel_named
from tests.catalogues import action, catalogue


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"applicability": ["hapy"]}, "did you mean 'happy'"),
        ({"suitability": ["unheard_of"]}, "not declared under rules"),
        ({"withdrawn_by": ["order_complete"]}, "did you mean 'order_completed'"),
        ({"valid_from": "2026-12-02", "valid_until": "2026-12-01"}, "swap its two dates"),
        ({"transactional": True, "budget": {"count": 1}}, "remove its budget"),
        ({"budget": {"per": "day"}}, "an amount of money, a count of decisions, or both"),
        ({"budget": [{"count": 1, "per": "day"}, {"amount": 1, "per": "day"}]}, "make them one"),
        (
            {"follows": [{"action": "oter", "outcome": "opened", "within_hours": 2}]},
            "did you mean 'other'",
        ),
        (
            {"follows": [{"action": "good", "outcome": "opened", "within_hours": 2}]},
            "name another action",
        ),
        (
            {
                "follows": [
                    {
                        "action": "other",
                        "outcome": "opened",
                        "after_hours": 2,
                        "within_hours": 2,
                    }
                ]
            },
            "after_hours must be less",
        ),
        ({"cool_down": [{"after": ["dismissed"], "days": 91}]}, "less than or equal to 90"),
        ({"cap": [{"limit": 1, "days": 1}, {"limit": -1, "days": 1}]}, "cap.1.limit"),
    ],
)
def test_a_contradiction_of_an_action_is_named(fields, said):
    rules = {"happy": {"when": True, "says": "x"}}
    with pytest.raises(ValidationError) as caught:
        catalogue(action("good", **fields), action("other"), rules=rules)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tag_caps": {"discout": {"limit": 1, "days": 1}}}, "did you mean 'discount'"),
        ({"tag_budgets": {"unheard_of": {"count": 1}}}, "no action has the tag"),
        ({"exclusions": {"g": {"days": 1, "actions": ["good"]}}}, "fewer than two actions"),
        ({"exclusions": {"g": {"days": 1, "actions": ["good", "bad"]}}}, "'bad'"),
        ({"exclusions": {"g": {"days": 1, "tags": ["bad"]}}}, "a tag no action has"),
        ({"control_group": {"share": 0.6, "salt": "a"}}, "control_group.share"),
        ({"channel_caps": {"pigeon": {"limit": 1, "days": 1}}}, "pigeon"),
        ({"reporting": {"channels": ["fax"]}}, "reporting.channels"),
        ({"budget": [{"count": 1}, {"count": 2}]}, "make them one"),
    ],
)
def test_a_contradiction_of_the_file_is_named(fields, said):
    with pytest.raises(ValidationError) as caught:
        catalogue(action("good", tags=["discount"]), action("other"), **fields)
    assert said in str(caught.value)


def test_actions_that_only_follow_each_other_are_refused():
    after = {"outcome": "opened", "within_hours": 2}
    with pytest.raises(ValidationError) as caught:
        catalogue(
            action("ping", follows=[{"action": "pong", **after}]),
            action("pong", follows=[{"action": "ping", **after}]),
        )
    assert "none can begin" in str(caught.value)


def test_a_goal_is_either_a_rule_or_an_event_type():
    rules = {"order_completed": {"when": True, "says": "x"}}
    with pytest.raises(ValidationError) as caught:
        catalogue(action("good", withdrawn_by=["order_completed"]), rules=rules)
    assert "rename the rule" in str(caught.value)


def test_one_cap_or_a_list_of_them_is_read():
    one = catalogue(action("mail", cap={"limit": 1, "days": 2}))
    two = catalogue(action("mail", cap=[{"limit": 1, "days": 2}, {"limit": 3, "days": 9}]))
    assert len(one.by_id["mail"].cap) == 1
    assert [cap.limit for cap in two.by_id["mail"].cap] == [1, 3]


@pytest.mark.parametrize(
    ("spelling", "channel"),
    [("SMS", "sms"), ("E-Mail", "email"), ("In-App", "in_app"), ("in app", "in_app")],
)
def test_channels_have_one_spelling(spelling, channel):
    assert channel_named(spelling) == channel
