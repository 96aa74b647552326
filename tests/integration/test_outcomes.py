"""The log of decisions as training reads it: every fact once, whichever way it was told."""

from datetime import timedelta

import pytest

from retain.clock import pinned
from retain.decisions.attribution import Attribution
from retain.decisions.constraints import Reporting
from retain.decisions.exploration import Exploration
from retain.decisions.feedback import Feedback
from retain.decisions.ranking import Ranker
from retain.event import to_table
from retain.eventlog import EventLog
from tests.catalogues import NOW, action, catalogue, customers
from tests.decided import ranking
from tests.event_tables import event
from training import outcomes

LATER = NOW + timedelta(days=20)
HOW = Attribution()


def tell(engine, decision, outcome, days=0.0, action_id="offer", **more):
    """Feedback on a decision, told when it happened."""
    at = NOW + timedelta(days=days)
    item = {
        "feedback_id": f"{decision.decision_id}-{action_id}-{outcome}-{days}",
        "decision_id": decision.decision_id,
        "action_id": action_id,
        "outcome": outcome,
        "occurred_at": at.isoformat(),
        **more,
    }
    [result] = Feedback(engine, clock=pinned(LATER)).record([item])
    assert result.status == "accepted", result.reason


def log(engine, *events):
    """Events of (days after the decision, type, customer, properties)."""
    rows = [
        event(number, kind, NOW + timedelta(days=days), customer, properties)
        for number, (days, kind, customer, properties) in enumerate(events)
    ]
    EventLog(engine).append(to_table(rows))


def read(engine, as_of=LATER, how=HOW, reporting=None):
    return outcomes.read(engine, as_of, how, reporting).to_pylist()


def ours(decision, **more):
    return {"decision_id": decision.decision_id, "action_id": "offer", **more}


def test_a_decision_without_any_outcome_is_a_row_of_its_own(engine, decisions):
    made = decisions.reserve(ranking(), request={})
    [row] = read(engine)
    assert (row["decision_id"], row["action_id"], row["as_of"]) == (made.decision_id, "offer", NOW)
    assert (row["propensity"], row["policy"], row["deterministic"]) == (1.0, "greedy", True)
    assert dict(zip(row["candidates"], row["probabilities"], strict=True))["offer"] == 1.0
    assert (row["carried_out"], row["outcomes"], row["reward"]) == (True, [], 0.0)


def test_outcomes_told_as_feedback_and_as_events_are_one(engine, decisions):
    made = decisions.reserve(ranking(), request={})
    tell(engine, made, "sent", 0.1)
    tell(engine, made, "clicked", 0.5)
    tell(engine, made, "converted", 1.02, value=40.0)
    log(
        engine,
        (0.1, "message_sent", "c1", ours(made)),
        (0.2, "message_delivered", "c1", ours(made)),
        (0.5, "message_clicked", "c1", {"decision_id": made.decision_id}),
        (1.0, "order_completed", "c1", {"order_id": "o1", "total": 40.0, "currency": "EUR"}),
    )
    [row] = read(engine)
    assert row["outcomes"] == ["clicked", "converted", "delivered", "sent"]
    assert (row["conversions"], row["reward"]) == (1, 40.0)


def test_an_order_may_name_its_decision_in_the_log(engine, decisions):
    first = decisions.reserve(ranking(), request={})
    second = decisions.reserve(ranking(), request={"n": 2})
    named = {"decision_id": first.decision_id, "order_id": "o1", "total": 40.0}
    log(engine, (2.0, "order_completed", "c1", named))
    rows = {row["decision_id"]: row["reward"] for row in read(engine)}
    assert rows == {first.decision_id: 40.0, second.decision_id: 0.0}


def test_an_order_that_only_the_log_tells_of_is_credited_less_what_was_given_back(
    engine, decisions
):
    decisions.reserve(ranking(), request={})
    log(
        engine,
        (2.0, "order_completed", "c1", {"order_id": "o1", "total": 40.0}),
        (3.0, "order_refunded", "c1", {"order_id": "o1", "total": 15.0}),
        (2.0, "order_completed", "c2", {"order_id": "o2", "total": 99.0}),
    )
    assert read(engine)[0]["reward"] == 25.0


def test_nothing_is_known_of_what_came_after_the_moment(engine, decisions):
    made = decisions.reserve(ranking(), request={})
    tell(engine, made, "converted", 4.0, value=40.0)
    log(engine, (3.0, "order_completed", "c1", {"order_id": "o1", "total": 40.0}))
    assert read(engine, NOW + timedelta(days=2))[0]["outcomes"] == []
    assert read(engine, NOW + timedelta(days=2))[0]["reward"] == 0.0
    assert read(engine, NOW - timedelta(days=1)) == []


def test_what_was_not_sent_was_not_carried_out(engine, decisions):
    made = decisions.reserve(ranking(), request={})
    tell(engine, made, "not_sent")
    assert read(engine)[0]["carried_out"] is False


def test_silence_means_not_sent_where_the_sender_reports(engine, decisions):
    decisions.reserve(ranking(), request={})
    assert read(engine, reporting=Reporting(channels=("email",)))[0]["carried_out"] is False


def test_an_alternative_that_was_carried_out_is_a_row_without_a_propensity(engine, decisions):
    made = decisions.reserve(ranking(), request={})
    tell(engine, made, "sent", 0.1, action_id="mail")
    rows = {row["action_id"]: row for row in read(engine)}
    assert rows["mail"]["propensity"] is None
    assert (rows["mail"]["chosen"], rows["mail"]["carried_out"]) == (False, True)
    assert rows["offer"]["chosen"] is True


def test_a_preview_is_a_row_that_was_carried_out_only_if_somebody_says_so(engine, decisions):
    preview = decisions.preview(ranking())
    decisions.record_preview(preview)
    decisions.flush()
    [row] = read(engine)
    assert (row["reserved"], row["carried_out"]) == (False, False)
    tell(engine, preview, "sent", 0.1)
    assert read(engine)[0]["carried_out"] is True


def test_the_chance_of_every_candidate_is_kept(engine, decisions):
    known = catalogue(action("mail"), action("push", channel="push"))
    how = Exploration(method="epsilon_greedy", epsilon=0.3)
    ranked = Ranker(known).rank(customers({}), ["c1"], now=NOW, exploration=how)
    decisions.reserve(ranked, request={})
    [row] = read(engine)
    chances = dict(zip(row["candidates"], row["probabilities"], strict=True))
    assert sum(chances.values()) == pytest.approx(1.0)
    assert chances[row["action_id"]] == row["propensity"]
    assert (row["policy"], row["deterministic"]) == ("epsilon_greedy", False)


def test_the_control_group_is_a_row_that_says_what_it_was_kept_from(engine, decisions):
    known = catalogue(action("mail"), control_group={"share": 0.5, "salt": "test"})
    for number in range(8):
        ranked = Ranker(known).rank(customers({}), [f"c{number}"], now=NOW)
        decisions.reserve(ranked, request={})
    held = [row for row in read(engine) if row["control_group"]]
    assert 0 < len(held) < 8
    assert all((row["action_id"], row["removed"]) == ("none", ["mail"]) for row in held)


def test_orders_of_a_customer_who_was_merged_belong_to_their_decisions(engine, decisions):
    decisions.reserve(ranking(), request={})
    log(
        engine,
        (1.0, "identity_linked", "c1", {"linked_id": "c2", "link_type": "customer"}),
        (2.0, "order_completed", "c2", {"order_id": "o1", "total": 40.0}),
    )
    [row] = read(engine)
    assert (row["customer_id"], row["reward"]) == ("c1", 40.0)
