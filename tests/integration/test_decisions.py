"""Decisions on a real database: caps, keys, receipts, and many asking at once."""

import json
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from multiprocessing import get_context

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from retain import ulid
from retain.database import writing
from retain.decisions.contacts import Contacts
from retain.decisions.context import Context
from retain.decisions.receipt import Evidence
from retain.decisions.store import Decisions
from retain.decisions.store import decisions as table
from retain.errors import Conflict, NotFound
from tests.catalogues import NOW
from tests.decided import ask, ranking

REQUEST = {"customer_id": "c1"}


def test_the_best_action_is_reserved_and_counts_for_the_next_decision(decisions):
    made = [decisions.reserve(ranking(), request=REQUEST).action_id for _ in range(5)]
    assert made == ["offer", "mail", "mail", "none", "none"]


def test_another_customer_has_caps_of_their_own(decisions):
    for _ in range(3):
        decisions.reserve(ranking(), request=REQUEST)
    assert decisions.reserve(ranking("c2"), request={}).action_id == "offer"


def test_contacts_of_more_than_a_week_ago_make_room(decisions):
    for _ in range(3):
        decisions.reserve(ranking(), request=REQUEST)
    later = ranking(now=NOW + timedelta(days=8))
    assert decisions.reserve(later, request=REQUEST).action_id == "mail"


def test_transactional_messages_go_out_although_the_caps_are_full(decisions):
    for _ in range(4):
        decisions.reserve(ranking(), request=REQUEST)
    failed = ranking(payment_failed_recency_days=0.1)
    assert decisions.reserve(failed, request=REQUEST).action_id == "must"


def test_what_is_shown_live_has_its_own_cap(decisions):
    web = Context(channel="web")
    made = [
        decisions.reserve(
            ranking(context=web, withdrawn_channels=["email", "push"]), request=REQUEST
        )
        for _ in range(3)
    ]
    assert [each.action_id for each in made] == ["banner", "banner", "none"]


def test_the_same_key_gets_the_same_decision_and_counts_once(decisions):
    first = decisions.reserve(ranking(), request=REQUEST, idempotency_key="k")
    again = decisions.reserve(ranking(), request=REQUEST, idempotency_key="k")
    assert again == first
    assert decisions.replay("c1", "k", REQUEST) == first
    assert decisions.reserve(ranking(), request=REQUEST).action_id == "mail"


def test_a_key_is_the_customers_own(decisions):
    first = decisions.reserve(ranking(), request=REQUEST, idempotency_key="k")
    other = decisions.reserve(ranking("c2"), request={}, idempotency_key="k")
    assert other.decision_id != first.decision_id
    assert decisions.replay("c3", "k", REQUEST) is None


def test_a_table_holds_one_decision_of_a_key_and_any_number_without_one(decisions, engine):
    row = {"customer_id": "c1", "reserved": True, "action_id": "none", "at": 0, "receipt": "{}"}
    with writing(engine) as connection:
        for made in ({"idempotency_key": "k"}, {}, {}):
            connection.execute(insert(table).values(decision_id=ulid.new(NOW), **row, **made))
    again = {**row, "decision_id": ulid.new(NOW), "idempotency_key": "k"}
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(insert(table).values(again))


def test_the_same_key_for_another_request_is_a_conflict(decisions):
    decisions.reserve(ranking(), request=REQUEST, idempotency_key="k")
    with pytest.raises(Conflict):
        decisions.reserve(ranking(), request={**REQUEST, "limit": 1}, idempotency_key="k")
    with pytest.raises(Conflict):
        decisions.replay("c1", "k", {})


def test_a_receipt_is_replayed_as_it_was_written(decisions):
    evidence = Evidence({"churn": "churn:ab"}, NOW, ("orders",))
    made = decisions.reserve(ranking(), request=REQUEST, evidence=evidence, limit=2)
    receipt = decisions.get(made.decision_id)
    assert json.dumps(receipt) == json.dumps(made.receipt)
    assert receipt["models"] == {"churn": "churn:ab"}
    assert receipt["features_as_of"] == "2026-11-21T12:00:00Z"
    assert [action["action_id"] for action in receipt["actions"]] == ["offer", "mail"]
    removed = {each["action_id"]: each["removed_by"] for each in receipt["candidates"]}
    assert removed == {
        "offer": None,
        "mail": None,
        "push": None,
        "none": None,
        "must": "failed",
        "banner": "context_channel",
    }
    assert receipt["caps"]["contacts"] == {"made": 0, "limit": 3, "days": 7.0}


def test_the_answer_of_rank_has_the_fields_of_the_api(decisions):
    made = decisions.reserve(ranking(), request=REQUEST)
    assert list(made.answer()) == [
        *("decision_id", "customer_id", "as_of", "actions", "experiment", "models"),
    ]
    assert list(made.answer(receipt=True))[-1] == "candidates"
    assert made.next_best_action()["decision_id"] == made.decision_id


def test_a_decision_nobody_made_is_not_found(decisions):
    with pytest.raises(NotFound):
        decisions.get("01ARYZ6S41TSV4RRFFQ69G5FAV")


def test_a_preview_reserves_nothing_and_says_what_would_be_reserved(decisions, engine):
    preview = decisions.preview(ranking())
    assert preview.next_best_action()["action_id"] == "offer"
    decisions.record_preview(preview)
    decisions.flush()
    assert decisions.reserve(ranking(), request=REQUEST).action_id == "offer"
    state = Contacts(engine).read(["c1"], NOW)["c1"]
    assert decisions.preview(ranking(), state=state).next_best_action()["action_id"] == "mail"


def test_a_preview_is_found_before_and_after_it_is_written(decisions, engine):
    preview = decisions.preview(ranking())
    decisions.record_preview(preview)
    before = decisions.get(preview.decision_id)
    decisions.flush()
    assert Decisions(engine).get(preview.decision_id) == before
    assert before["kind"] == "preview"
    assert before["actions"][0] == {
        **{name: v for name, v in preview.next_best_action().items() if name != "decision_id"},
        "terms": before["actions"][0]["terms"],
    }


def _expected(made):
    actions = Counter(each.split()[1] for each in made)
    return actions["offer"], actions["offer"] + actions["mail"]


def test_32_threads_asking_at_once_never_break_a_cap(decisions):
    def reserve(_):
        made = decisions.reserve(ranking(), request=REQUEST)
        return f"{made.decision_id} {made.action_id}"

    with ThreadPoolExecutor(32) as pool:
        made = list(pool.map(reserve, range(64)))
    assert _expected(made) == (1, 3)
    assert len(set(made)) == 64


def test_processes_asking_at_once_never_break_a_cap_nor_decide_twice_for_one_key(
    database_url, engine
):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(ask, database_url, number, 8) for number in range(4)]
        keyed = [pool.submit(ask, database_url, number, 4, "key") for number in range(4)]
        free = [each for job in jobs for each in job.result()]
        same = [each for job in keyed for each in job.result()]
    assert _expected([*free, *set(same)]) == (1, 3)
    assert len(set(same)) == 4
