"""Feedback: told once, and acting at once."""

from datetime import timedelta
from itertools import permutations

import pytest

from retain.clock import pinned
from retain.decisions.contacts import Contacts
from retain.decisions.feedback import Feedback, is_released
from tests.catalogues import NOW
from tests.decided import ranking


@pytest.fixture
def feedback(engine, decisions):
    return Feedback(engine, decisions, pinned(NOW))


def item(decision, outcome, **more):
    return {
        "feedback_id": f"f-{outcome}",
        "decision_id": decision.decision_id,
        "action_id": "offer",
        "outcome": outcome,
        **more,
    }


def statuses(results):
    return [result.status for result in results]


def next_action(engine, decisions, **row):
    state = Contacts(engine).read(["c1"], NOW).get("c1")
    return decisions.preview(ranking(**row), state=state).next_best_action()["action_id"]


@pytest.fixture
def decision(decisions):
    return decisions.reserve(ranking(), request={})


def test_the_same_feedback_counts_once(feedback, decision):
    told = item(
        decision, "converted", value=12.5, currency="GBP", occurred_at="2026-11-21T11:00:00Z"
    )
    assert statuses(feedback.record([told, told])) == ["accepted", "duplicate"]
    assert statuses(feedback.record([told])) == ["duplicate"]


def test_a_feedback_id_used_for_something_else_is_rejected(feedback, decision):
    feedback.record([item(decision, "sent")])
    result = feedback.record([item(decision, "opened", feedback_id="f-sent")])[0]
    assert (result.status, result.field) == ("rejected", "feedback_id")


@pytest.mark.parametrize("outcome", ["not_sent", "bounced"])
def test_what_was_not_sent_is_released_and_may_be_decided_again(
    engine, decisions, feedback, decision, outcome
):
    assert next_action(engine, decisions) == "mail"
    feedback.record([item(decision, outcome)])
    assert next_action(engine, decisions) == "offer"


@pytest.mark.parametrize("outcome", ["unsubscribed", "complained"])
def test_an_unsubscribe_closes_the_channel_for_the_next_decision(
    engine, decisions, feedback, decision, outcome
):
    feedback.record([item(decision, outcome)])
    assert next_action(engine, decisions) == "push"
    reserved = decisions.reserve(ranking(), request={"n": 2})
    removed = {each["action_id"]: each["removed_by"] for each in reserved.receipt["candidates"]}
    assert (reserved.action_id, removed["mail"]) == ("push", "suppressed")


def test_a_preview_that_was_sent_counts_as_a_contact(engine, decisions, feedback):
    preview = decisions.preview(ranking())
    decisions.record_preview(preview)
    assert statuses(feedback.record([item(preview, "sent")])) == ["accepted"]
    assert next_action(engine, decisions) == "mail"


def test_a_preview_that_was_not_sent_does_not_count(engine, decisions, feedback):
    preview = decisions.preview(ranking())
    decisions.record_preview(preview)
    assert statuses(feedback.record([item(preview, "not_sent")])) == ["accepted"]
    assert next_action(engine, decisions) == "offer"


def test_a_contact_counts_from_the_time_it_was_sent(engine, decisions, feedback, decision):
    long_ago = (NOW - timedelta(days=31)).isoformat()
    feedback.record([item(decision, "sent", occurred_at=long_ago)])
    assert next_action(engine, decisions) == "offer"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"decision_id": "unheard"}, "decision_id"),
        ({"action_id": "banner"}, "action_id"),
        ({"outcome": "eaten"}, "outcome"),
        ({"feedback_id": ""}, "feedback_id"),
        ({"feedback_id": "f\x00"}, "feedback_id"),
        ({"value": float("nan")}, "value"),
        ({"currency": "pounds"}, "currency"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2027-01-01T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": "1989-12-31T23:59:59Z"}, "occurred_at"),
        ({"value": 2e11}, "value"),
        ({"value": -2e11}, "value"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_rejected_with_its_field_and_the_rest_is_kept(
    feedback, decision, change, field
):
    good = item(decision, "opened")
    results = feedback.record([{**item(decision, "sent"), **change}, good])
    assert statuses(results) == ["rejected", "accepted"]
    assert results[0].field == field
    assert results[0].reason


def test_what_is_missing_is_named(feedback):
    results = feedback.record([{"feedback_id": "f"}])
    assert (results[0].feedback_id, results[0].field) == ("f", "decision_id")


@pytest.mark.parametrize(
    ("outcomes", "released"),
    [
        ([], False),
        (["sent"], False),
        (["not_sent"], True),
        (["bounced", "sent"], True),
        (["not_sent", "sent"], False),
        (["bounced", "opened"], False),
        (["converted"], False),
    ],
)
def test_whether_a_contact_took_place_does_not_depend_on_the_order_of_telling(outcomes, released):
    assert {is_released(told) for told in permutations(outcomes)} == {released}
