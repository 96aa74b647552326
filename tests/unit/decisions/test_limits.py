"""Limits beside caps: dates, the control group, follow-ups, rests, exclusions, repeats, budgets."""

from datetime import UTC, datetime, timedelta

import pytest

from retain.decisions.caps import Limiter
from retain.decisions.state import Contact, ContactState, Spent
from tests.catalogues import NOW, action, catalogue

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def contact(action_id, days_ago=1.0, channel="email", **outcomes):
    """One that was sent; each outcome happened so many days ago."""
    told = {"sent": days_ago, **outcomes}
    return Contact(
        NOW - days_ago * DAY,
        channel,
        action_id,
        made_at=NOW - days_ago * DAY,
        outcomes={name: NOW - ago * DAY for name, ago in told.items()},
    )


def forbid(cat, action_id, *contacts, now=NOW, customer_id="c1", **state):
    limits = Limiter(cat).of(customer_id)
    return limits.forbid(cat.by_id[action_id], ContactState(contacts, **state), now)


DATED = catalogue(
    action("sale", valid_from="2026-11-20", valid_until="2026-11-21"), time_zone="Asia/Seoul"
)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 19, 14, 59, tzinfo=UTC), "not_valid_now"),
        (datetime(2026, 11, 19, 15, 0, tzinfo=UTC), None),
        (datetime(2026, 11, 21, 14, 59, tzinfo=UTC), None),
        (datetime(2026, 11, 21, 15, 0, tzinfo=UTC), "not_valid_now"),
    ],
)
def test_an_action_is_valid_from_its_first_to_its_last_day_where_the_shop_is(at, expected):
    assert forbid(DATED, "sale", now=at) == expected


def test_what_would_be_sent_after_the_last_day_is_not_decided_on_it():
    limits = Limiter(DATED).of("c1")
    sale, state = DATED.by_id["sale"], ContactState()
    assert limits.forbid(sale, state, NOW, lambda _: NOW + 2 * HOUR) is None
    assert limits.forbid(sale, state, NOW, lambda _: NOW + 4 * HOUR) == "not_valid_now"


HELD_OUT = catalogue(
    action("mail"),
    action("must", transactional=True),
    control_group={"share": 0.2, "salt": "a", "since": "2026-11-01"},
)


def test_members_of_the_control_group_get_only_transactional_messages_and_nothing():
    ids = [f"c{number}" for number in range(2_000)]
    members = [one for one in ids if forbid(HELD_OUT, "mail", customer_id=one) == "control_group"]
    assert 330 < len(members) < 470
    assert all(forbid(HELD_OUT, "must", customer_id=one) is None for one in members)
    assert all(forbid(HELD_OUT, "none", customer_id=one) is None for one in members)


def test_the_control_group_begins_on_its_first_day():
    before = datetime(2026, 10, 31, 23, tzinfo=UTC)
    ids = [f"c{number}" for number in range(200)]
    assert all(forbid(HELD_OUT, "mail", customer_id=one, now=before) is None for one in ids)


FOLLOWED = catalogue(
    action("offer"),
    action(
        "reminder",
        channel="sms",
        follows=[
            {"action": "offer", "outcome": "not_opened", "after_hours": 48, "within_hours": 240},
            {"action": "offer", "outcome": "clicked", "after_hours": 24, "within_hours": 72},
        ],
        withdrawn_by=["order_completed"],
    ),
)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([], "follows"),
        ([contact("other", 3)], "follows"),
        ([contact("offer", 1.9)], "follows"),
        ([contact("offer", 2)], None),
        ([contact("offer", 10)], None),
        ([contact("offer", 10.1)], "follows"),
        ([contact("offer", 3, opened=2.5)], "follows"),
        ([contact("offer", 3, clicked=0.9)], "follows"),
        ([contact("offer", 3, clicked=1)], None),
        ([contact("offer", 20, clicked=2)], None),
        ([contact("offer", 3), contact("reminder", 0.5, "sms")], "follows"),
        ([contact("reminder", 5, "sms"), contact("offer", 3)], None),
    ],
)
def test_a_follow_up_waits_for_an_outcome_and_answers_it_once(made, expected):
    assert forbid(FOLLOWED, "reminder", *made) == expected


def test_a_contact_that_was_not_made_is_not_followed():
    gone = Contact(NOW - 3 * DAY, "email", "offer", released=True)
    assert forbid(FOLLOWED, "reminder", gone) == "follows"


def test_a_bounced_message_may_be_followed_elsewhere():
    cat = catalogue(
        action("mail"),
        action(
            "call",
            channel="call",
            follows=[{"action": "mail", "outcome": "bounced", "within_hours": 24}],
        ),
    )
    bounced = Contact(
        NOW - HOUR, "email", "mail", released=True, outcomes={"bounced": NOW - HOUR / 2}
    )
    assert forbid(cat, "call", bounced) is None
    assert forbid(cat, "call", contact("mail", 0.1)) == "follows"


def test_a_goal_reached_since_ends_what_follows():
    made = contact("offer", 3)
    assert forbid(FOLLOWED, "reminder", made, goals={"order_completed": NOW - 4 * DAY}) is None
    reached = {"order_completed": NOW - DAY}
    assert forbid(FOLLOWED, "reminder", made, goals=reached) == "goal_reached"


def test_an_action_rests_after_an_outcome_of_it():
    cat = catalogue(
        action("ask", cool_down=[{"after": ["dismissed", "converted"], "days": 30}]),
        action("mail"),
    )
    assert forbid(cat, "ask", contact("ask", 2)) is None
    assert forbid(cat, "ask", contact("ask", 40, dismissed=29)) == "cool_down"
    assert forbid(cat, "ask", contact("ask", 40, dismissed=30)) is None
    assert forbid(cat, "mail", contact("ask", 3, dismissed=2)) is None


EXCLUSIVE = catalogue(
    action("review", tags=["ask"]),
    action("referral", tags=["ask"]),
    action("survey", channel="web"),
    action("bill", transactional=True, tags=["ask"]),
    exclusions={"favours": {"days": 14, "tags": ["ask"], "actions": ["survey"]}},
)


def test_one_of_a_group_done_forbids_the_others_but_not_itself():
    assert forbid(EXCLUSIVE, "referral", contact("review", 13)) == "exclusion"
    assert forbid(EXCLUSIVE, "referral", contact("survey", 13, "web")) == "exclusion"
    assert forbid(EXCLUSIVE, "referral", contact("review", 14)) is None
    assert forbid(EXCLUSIVE, "review", contact("review", 1)) is None
    assert forbid(EXCLUSIVE, "bill", contact("review", 1)) is None


def test_one_of_a_group_that_is_planned_forbids_the_others():
    planned = Contact(NOW + DAY, "email", "review", NOW + 2 * DAY, reported=False, made_at=NOW)
    assert forbid(EXCLUSIVE, "referral", planned) == "exclusion"


REPEATED = catalogue(
    action("mail", message="hello"),
    action("push", channel="push", message="hello"),
    action("again", message="hello"),
    action("other", channel="push"),
    repeats={"seen": ["delivered", "opened"], "days": 10, "unreported_hours": 12},
)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (contact("mail", 0.4), "seen_elsewhere"),
        (contact("mail", 0.5), None),
        (contact("mail", 9, opened=2), "seen_elsewhere"),
        (contact("mail", 9, clicked=2), "seen_elsewhere"),
        (contact("mail", 12, opened=10), None),
        (contact("mail", 3, dismissed=2), None),
        (contact("other", 0.1, "push"), None),
    ],
)
def test_what_was_or_may_yet_be_seen_in_one_channel_is_not_repeated_in_another(made, expected):
    assert forbid(REPEATED, "push", made) == expected


def test_the_same_channel_may_repeat_a_message():
    assert forbid(REPEATED, "again", contact("mail", 0.1)) is None


CAPPED = catalogue(
    action("mail", tags=["discount"]),
    action("shown", channel="web", tags=["discount"]),
    action("must", transactional=True, tags=["discount"], cap={"limit": 1, "days": 1}),
    action("sms", channel="SMS"),
    contact_cap=[{"limit": 1, "days": 1}, {"limit": 3, "days": 7}],
    channel_caps={"Web": {"limit": 2, "days": 1}, "SMS": {"limit": 1, "days": 7}},
    tag_caps={"discount": {"limit": 2, "days": 30}},
)


def test_several_caps_of_one_kind_hold_at_once():
    assert forbid(CAPPED, "sms", contact("other", 0.9)) == "cap_contacts"
    assert forbid(CAPPED, "sms", *[contact("other", ago) for ago in (2, 3)]) is None
    assert forbid(CAPPED, "sms", *[contact("other", ago) for ago in (2, 3, 4)]) == "cap_contacts"


def test_a_tag_is_capped_over_every_channel():
    made = [contact("mail", 20), contact("shown", 10, "web")]
    assert forbid(CAPPED, "mail", *made) == "cap_tag"
    assert forbid(CAPPED, "shown", *made) == "cap_tag"
    assert forbid(CAPPED, "mail", contact("must", 20), contact("mail", 10)) is None


def test_channels_are_named_in_any_spelling():
    assert forbid(CAPPED, "sms", contact("x", 2, "sms")) == "cap_channel"
    assert forbid(CAPPED, "shown", *[contact("other", 0.5, "web")] * 2) == "cap_channel"


def test_a_transactional_message_keeps_its_own_cap():
    assert forbid(CAPPED, "must", contact("must", 0.5)) == "cap_action"
    assert forbid(CAPPED, "must", *[contact("mail", 0.1)] * 9) is None


REPORTED = catalogue(
    action("mail", cap={"limit": 1, "days": 2}),
    action("text", channel="sms", cap={"limit": 1, "days": 2}),
    reporting={"channels": ["sms"], "within_hours": 6},
)


def silent(action_id, channel, sent_days_ago, expired_days_ago):
    return Contact(
        NOW - sent_days_ago * DAY,
        channel,
        action_id,
        expires_at=NOW - expired_days_ago * DAY,
        reported=False,
        made_at=NOW - sent_days_ago * DAY,
    )


def test_an_unreported_contact_counts_while_it_may_still_be_made():
    assert forbid(REPORTED, "mail", silent("mail", "email", 5, -0.1)) == "cap_action"
    assert forbid(REPORTED, "mail", silent("mail", "email", 5, 0)) is None


def test_silence_means_sent_when_it_was_to_be():
    assert forbid(REPORTED, "mail", silent("mail", "email", 1.9, 1)) == "cap_action"


def test_silence_of_a_sender_who_reports_everything_means_not_sent():
    assert forbid(REPORTED, "text", silent("text", "sms", 1, 0.24)) == "cap_action"
    assert forbid(REPORTED, "text", silent("text", "sms", 1, 0.25)) is None


BUDGETED = catalogue(
    action("offer", contact_cost=1, tags=["discount"], budget={"count": 10, "per": "day"}),
    action("mail"),
    action("must", transactional=True, tags=["discount"]),
    tag_budgets={"discount": [{"amount": 100, "per": "week"}, {"amount": 300}]},
    time_zone="Asia/Seoul",
)


@pytest.mark.parametrize(
    ("spent", "expected"),
    [
        ({}, None),
        ({"action/offer/day/2026-11-21": Spent(0, 9)}, None),
        ({"action/offer/day/2026-11-21": Spent(0, 10)}, "budget"),
        ({"tag/discount/week/2026-W47": Spent(99_000_000, 5)}, None),
        ({"tag/discount/week/2026-W47": Spent(99_000_001, 5)}, "budget"),
        ({"tag/discount/total": Spent(300_000_000, 5)}, "budget"),
    ],
)
def test_an_action_needs_room_in_every_budget_it_takes_from(spent, expected):
    assert forbid(BUDGETED, "offer", spent=spent) == expected
    assert forbid(BUDGETED, "mail", spent=spent) is None
    assert forbid(BUDGETED, "must", spent=spent) is None


def test_a_day_of_a_budget_ends_at_midnight_where_the_shop_is():
    spent = {"action/offer/day/2026-11-21": Spent(0, 10)}
    assert forbid(BUDGETED, "offer", now=NOW + 2 * HOUR, spent=spent) == "budget"
    assert forbid(BUDGETED, "offer", now=NOW + 3 * HOUR, spent=spent) is None


def test_what_an_offer_gives_away_is_part_of_its_cost():
    limits = Limiter(BUDGETED).of("c1", redemption_cost=lambda _: 4.5)
    state = ContactState(spent={"tag/discount/total": Spent(294_500_000, 5)})
    assert limits.forbid(BUDGETED.by_id["offer"], state, NOW) is None
    state = ContactState(spent={"tag/discount/total": Spent(294_500_001, 5)})
    assert limits.forbid(BUDGETED.by_id["offer"], state, NOW) == "budget"


def test_the_receipt_says_where_every_cap_and_budget_stands():
    cat = catalogue(
        action("offer", tags=["discount"], cap={"limit": 1, "days": 30}, budget={"count": 5}),
        tag_caps={"discount": {"limit": 2, "days": 90}},
        channel_caps={"email": {"limit": 2, "days": 7}},
    )
    state = ContactState((contact("offer", 2),), spent={"action/offer/total": Spent(7, 3)})
    told = Limiter(cat).of("c1").as_json(state, NOW)
    assert told["contacts"] == {"made": 1, "limit": 3, "days": 7.0}
    assert {each["of"]: (each["made"], each["limit"]) for each in told["caps"]} == {
        "contacts": (1, 3),
        "channel:email": (1, 2),
        "tag:discount": (1, 2),
        "action:offer": (1, 1),
    }
    assert told["budgets"] == [
        {
            "budget": "action/offer/total",
            "spent": 0.000007,
            "amount": None,
            "decisions": 3,
            "count": 5,
        }
    ]
    assert told["control_group"] is False
