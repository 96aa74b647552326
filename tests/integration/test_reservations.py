"""Reservations on a real database: budgets claimed, corrected and given back; what ends one."""

from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import timedelta
from multiprocessing import get_context

import pytest
from sqlalchemy import func, select

from retain.database import reading, writing
from retain.decisions import audit, contacts, reservations
from retain.decisions.contacts import Contacts
from retain.decisions.feedback import Feedback
from retain.decisions.ranking import Ranker
from retain.decisions.spending import claims, spending
from retain.event import Event, to_table
from retain.eventlog import EventLog
from tests.catalogues import NOW, action, catalogue, customers
from tests.decided import CROWDED, crowd

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OFFER = action(
    "offer",
    lever=4,
    contact_cost=1,
    treatments=[{"name": "deep", "discount": 0.1, "reward": 2}],
    tags=["discount"],
    budget={"count": 3, "per": "day"},
    valid_hours=48,
)
CATALOGUE = catalogue(
    OFFER, action("mail", lever=2), tag_budgets={"discount": {"amount": 1_000}}, basket=30
)
COST = 1 + 0.2 * (0.1 * 30 + 2)


def reserve(decisions, customer_id="c1", now=NOW, cat=CATALOGUE, **row):
    ranking = Ranker(cat).rank(customers(row), [customer_id], now=now)
    return decisions.reserve(ranking, request={"customer_id": customer_id})


def spent(engine):
    with reading(engine) as connection:
        rows = connection.execute(select(spending)).all()
        held = select(claims.c.key, func.sum(claims.c.micros), func.sum(claims.c.decisions))
        claimed = connection.execute(held.group_by(claims.c.key)).all()
    totals = {row[0]: (row[1], row[2]) for row in rows}
    assert {row[0]: (int(row[1]), int(row[2])) for row in claimed} == totals
    return {key: (micros / 1e6, decisions) for key, (micros, decisions) in totals.items()}


def tell(engine, decision, *outcomes, at=HOUR, **fields):
    told = [
        {
            "feedback_id": f"{decision.decision_id}-{outcome}",
            "decision_id": decision.decision_id,
            "action_id": decision.action_id,
            "outcome": outcome,
            "occurred_at": (NOW + at).isoformat(),
            **fields,
        }
        for outcome in outcomes
    ]
    results = Feedback(engine, clock=lambda: NOW + at).record(told)
    assert [result.status for result in results] == ["accepted"] * len(told)


def lapse(engine, now):
    with writing(engine) as connection:
        return reservations.lapse(connection, now)


TODAY, TOTAL = "action/offer/day/2026-11-21", "tag/discount/total"


def test_a_reservation_takes_from_every_budget_of_its_action(decisions, engine):
    reserve(decisions)
    assert spent(engine) == {
        TODAY: (pytest.approx(COST), 1),
        TOTAL: (pytest.approx(COST), 1),
    }


def test_when_a_budget_is_gone_the_next_best_is_decided_and_the_receipt_says_why(decisions):
    made = [reserve(decisions, f"c{number}") for number in range(4)]
    assert [each.action_id for each in made] == ["offer", "offer", "offer", "mail"]
    removed = {each["action_id"]: each["removed_by"] for each in made[3].receipt["candidates"]}
    assert removed["offer"] == "budget"
    assert made[3].receipt["caps"]["budgets"][0]["decisions"] == 3


def test_a_preview_knows_that_a_budget_is_gone(decisions, engine):
    for number in range(3):
        reserve(decisions, f"c{number}")
    ranker = Ranker(CATALOGUE)
    state = Contacts(engine, ranker.limiter).read(["new"], NOW)["new"]
    ranking = ranker.rank(customers({}), ["new"], now=NOW)
    assert decisions.preview(ranking, state=state).next_best_action()["action_id"] == "mail"


def test_the_next_day_has_a_budget_of_its_own(decisions):
    for number in range(3):
        reserve(decisions, f"c{number}")
    assert reserve(decisions, "c9", NOW + DAY).action_id == "offer"


def test_half_a_claim_is_none(decisions, engine):
    cat = catalogue(
        action("offer", contact_cost=1, budget={"count": 9}),
        action("mail", lever=0.5),
        budget={"amount": 1.5},
    )
    made = [reserve(decisions, f"c{number}", cat=cat).action_id for number in range(3)]
    assert made == ["offer", "mail", "mail"]
    assert spent(engine)["action/offer/total"] == (1, 1)


def test_what_was_not_sent_comes_back(decisions, engine):
    tell(engine, reserve(decisions), "not_sent")
    assert spent(engine) == {TODAY: (0, 0), TOTAL: (0, 0)}
    assert reserve(decisions).action_id == "offer"


def test_what_bounced_cost_its_contact(decisions, engine):
    tell(engine, reserve(decisions), "sent", "bounced")
    assert spent(engine)[TOTAL] == (1, 1)


def test_a_conversion_costs_the_discount_on_its_value(decisions, engine):
    tell(engine, reserve(decisions), "sent", "converted", value=80.0, currency="GBP")
    assert spent(engine)[TOTAL] == (pytest.approx(1 + 8 + 2), 1)


def test_a_conversion_of_unknown_value_costs_the_discount_on_the_basket(decisions, engine):
    tell(engine, reserve(decisions), "converted")
    assert spent(engine)[TOTAL] == (pytest.approx(1 + 3 + 2), 1)


def test_what_was_not_redeemed_in_time_keeps_the_cost_of_contact(decisions, engine):
    redeemed, unredeemed = reserve(decisions, "c1"), reserve(decisions, "c2")
    tell(engine, redeemed, "converted", value=80.0)
    tell(engine, unredeemed, "delivered")
    assert lapse(engine, NOW + 1.9 * DAY) == 0
    assert lapse(engine, NOW + 2 * DAY) == 2
    assert lapse(engine, NOW + 9 * DAY) == 0
    assert spent(engine)[TOTAL] == (pytest.approx(11 + 1), 2)


def test_a_late_conversion_is_still_a_cost(decisions, engine):
    late = reserve(decisions)
    lapse(engine, NOW + 3 * DAY)
    tell(engine, late, "converted", value=80.0, at=4 * DAY)
    assert spent(engine)[TOTAL] == (pytest.approx(11), 1)


REPORTED = catalogue(OFFER, reporting={"channels": ["email"], "within_hours": 24}, basket=30)


def test_silence_of_a_sender_who_reports_everything_gives_all_of_it_back(decisions, engine):
    reserve(decisions, cat=REPORTED)
    assert lapse(engine, NOW + 2.9 * DAY) == 0
    assert lapse(engine, NOW + 3 * DAY) == 1
    assert spent(engine) == {TODAY: (0, 0)}


def test_a_report_that_comes_as_an_event_is_no_silence(decisions, engine):
    made = reserve(decisions, cat=REPORTED)
    log(engine, made, "message_sent", 2 * HOUR)
    assert lapse(engine, NOW + 3 * DAY) == 1
    assert spent(engine) == {TODAY: (1, 1)}


def test_a_release_after_the_sending_was_reported_changes_nothing(decisions, engine):
    made = reserve(decisions)
    tell(engine, made, "sent")
    assert decisions.release(made.decision_id, "offer", NOW + 2 * HOUR)
    assert spent(engine)[TOTAL] == (pytest.approx(COST), 1)
    assert [c.released for c in Contacts(engine).read(["c1"], NOW)["c1"].contacts] == [False]


def test_what_is_withdrawn_makes_room_in_caps_and_budgets(decisions, engine):
    made = reserve(decisions)
    assert decisions.release(made.decision_id, "offer", NOW + HOUR)
    assert spent(engine)[TOTAL] == (0, 0)
    assert [c.released for c in Contacts(engine).read(["c1"], NOW)["c1"].contacts] == [True]
    assert not decisions.release(made.decision_id, "mail", NOW + HOUR)


def log(engine, decision, kind, after):
    best = decision.receipt["actions"][0]
    event = Event(
        event_id=f"{decision.decision_id}-{kind}",
        type=kind,
        customer_id=decision.receipt["customer_id"],
        anonymous_id=None,
        session_id=None,
        ts=NOW + after,
        sent_at=None,
        received_at=NOW + after,
        channel="Email",
        device=None,
        source=None,
        properties={"decision_id": decision.decision_id, "action_id": best["action_id"]},
    )
    EventLog(engine).append(to_table([event]))


WEEKLY = catalogue(
    action("mail", valid_hours=48, cap={"limit": 1, "days": 7}),
    reporting={"channels": ["email"], "within_hours": 24},
)


def test_a_reservation_nobody_reports_expires_where_everything_is_reported(decisions):
    assert reserve(decisions, cat=WEEKLY).action_id == "mail"
    assert reserve(decisions, now=NOW + 2.9 * DAY, cat=WEEKLY).action_id == "none"
    assert reserve(decisions, now=NOW + 3 * DAY, cat=WEEKLY).action_id == "mail"


@pytest.mark.parametrize("how", ["feedback", "event"])
def test_a_reported_one_counts_from_when_it_was_sent(decisions, engine, how):
    made = reserve(decisions, cat=WEEKLY)
    if how == "feedback":
        tell(engine, made, "sent", at=DAY)
    else:
        log(engine, made, "message_sent", DAY)
    assert reserve(decisions, now=NOW + 7.9 * DAY, cat=WEEKLY).action_id == "none"
    assert reserve(decisions, now=NOW + 8 * DAY, cat=WEEKLY).action_id == "mail"


def test_a_follow_up_hears_of_an_outcome_by_feedback_and_by_event(decisions, engine):
    cat = catalogue(
        action("mail", lever=2, cap={"limit": 1, "days": 30}),
        action(
            "text",
            channel="sms",
            follows=[{"action": "mail", "outcome": "opened", "after_hours": 1, "within_hours": 48}],
            withdrawn_by=["order_completed"],
            cap={"limit": 1, "days": 30},
        ),
        reachable_by_default=["email", "sms"],
    )
    first, second = (reserve(decisions, one, cat=cat) for one in ("c1", "c2"))
    assert [first.action_id, second.action_id] == ["mail", "mail"]
    assert reserve(decisions, "c1", NOW + 2 * HOUR, cat).action_id == "none"
    tell(engine, first, "opened", at=2 * HOUR)
    log(engine, second, "message_opened", 2 * HOUR)
    log(engine, second, "order_completed", 4 * HOUR)
    assert reserve(decisions, "c1", NOW + 3 * HOUR, cat).action_id == "text"
    assert reserve(decisions, "c1", NOW + 4 * HOUR, cat).action_id == "none"
    assert reserve(decisions, "c2", NOW + 5 * HOUR, cat).receipt["candidates"][-1] != "text"
    reached = reserve(decisions, "c2", NOW + 5 * HOUR, cat).receipt["candidates"]
    removed = {each["action_id"]: each["removed_by"] for each in reached}
    assert removed["text"] == "goal_reached"


def test_many_at_once_never_overspend_and_spend_all_there_is(decisions, engine):
    cat = catalogue(
        action("offer", lever=3, contact_cost=1, budget={"count": 20, "per": "day"}),
        action("text", channel="sms", lever=2, contact_cost=3),
        action("mail", lever=0.5),
        reachable_by_default=["email", "sms"],
        budget={"amount": 50},
    )

    def ask(number):
        return reserve(decisions, f"c{number}", cat=cat).action_id

    with ThreadPoolExecutor(32) as pool:
        made = list(pool.map(ask, range(96)))
    assert (made.count("offer"), made.count("text"), made.count("mail")) == (20, 10, 66)
    assert spent(engine)["all/total"] == (50, 96)


def broken(engine, cat):
    with reading(engine) as connection:
        return audit.broken(connection, cat)


def test_32_clients_in_processes_and_threads_break_no_limit_and_decide_once_per_key(
    database_url, engine
):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(crowd, database_url, number, 8, 4) for number in range(4)]
        made = [each for job in jobs for each in job.result()]
    by_key = defaultdict(set)
    for key, decision_id in made:
        by_key[key].add(decision_id)
    assert len(made) == 4 * 8 * 4
    assert len(by_key) == 4 * 8 * 2 + 8 * 2
    assert {len(ids) for ids in by_key.values()} == {1}
    assert broken(engine, CROWDED) == []


def test_the_audit_finds_what_breaks_a_limit(decisions, engine):
    cat = catalogue(
        action("one"),
        action("two", tags=["t"]),
        contact_cap={"limit": 2, "days": 7},
        tag_caps={"t": {"limit": 1, "days": 7}},
        exclusions={"g": {"days": 1, "actions": ["one", "two"]}},
    )
    reserve(decisions, cat=cat)
    assert broken(engine, cat) == []
    with writing(engine) as connection:
        for number in range(2):
            contacts.plan(
                connection,
                f"d{number}",
                "two",
                channel="email",
                customer_id="c1",
                at=NOW + HOUR,
                made_at=NOW + HOUR,
            )
    assert broken(engine, cat) == [
        "c1: 3 of contacts within 7 days, the cap is 2",
        "c1: 2 of t within 7 days, the cap is 1",
        *["c1: one and two exclude each other (g)"] * 2,
    ]
