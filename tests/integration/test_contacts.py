"""Contacts: ours, those of others, and channels that were closed."""

from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest

from retain.database import connect, reading, writing
from retain.decisions import contacts, messages, suppressions
from retain.decisions.contacts import Contacts
from retain.event import Event, to_table
from retain.eventlog import EventLog
from retain.logged import OF_MESSAGES
from tests.catalogues import NOW


def log(engine, *events):
    rows = [
        Event(
            event_id=f"e{number}",
            type=kind,
            customer_id="c1",
            anonymous_id=None,
            session_id=None,
            ts=NOW + timedelta(days=days),
            sent_at=None,
            received_at=NOW,
            channel=channel,
            device=None,
            source=None,
            properties=properties,
        )
        for number, (days, kind, channel, properties) in enumerate(events)
    ]
    EventLog(engine).append(to_table(rows))


def planned(engine, days=1.0, decision_id="d1"):
    with writing(engine) as connection:
        contacts.plan(
            connection,
            decision_id,
            "mail",
            channel="email",
            customer_id="c1",
            at=NOW + timedelta(days=days),
            made_at=NOW,
        )


def made(engine):
    state = Contacts(engine).read(["c1", "c2"], NOW).get("c1")
    if state is None:
        return []
    return [(c.channel, c.action_id) for c in state.contacts if not c.released]


def test_planned_contacts_and_messages_of_others_are_read(engine):
    planned(engine)
    log(
        engine,
        (-1, "message_sent", "Push", {"action_id": "theirs"}),
        (-2, "message_sent", None, {}),
        (-2, "message_opened", "email", {}),
        (-400, "message_sent", "email", {}),
        (0.5, "message_sent", "email", {}),
    )
    assert set(made(engine)) == {(None, None), ("email", "mail"), ("push", "theirs")}
    assert len(made(engine)) == 3


def test_the_message_of_a_contact_of_ours_counts_once(engine):
    planned(engine, days=-1)
    log(engine, (-1, "message_sent", "email", {"decision_id": "d1", "action_id": "mail"}))
    assert made(engine) == [("email", "mail")]


def test_a_message_sent_on_a_decision_we_did_not_reserve_counts(engine):
    log(engine, (-1, "message_sent", "email", {"decision_id": "preview", "action_id": "mail"}))
    assert made(engine) == [("email", "mail")]


def test_what_was_not_sent_does_not_count(engine):
    planned(engine)
    with writing(engine) as connection:
        assert contacts.settle(connection, "d1", "mail", {"not_sent": NOW}) == {"not_sent": NOW}
        assert contacts.settle(connection, "d2", "mail", {"not_sent": NOW}) is None
    assert made(engine) == []


def test_a_closed_channel_opens_again_only_by_consent_given_later(engine):
    ago = NOW - timedelta(days=2)
    with writing(engine) as connection:
        for closing in (("email", ago, "unsubscribed"), ("push", ago, "complained")):
            suppressions.suppress(connection, "c1", *closing, told_at=NOW)
    log(
        engine,
        (-3, "consent_given", "email", {}),
        (-1, "consent_given", "push", {}),
    )
    assert Contacts(engine).read(["c1"], NOW)["c1"].suppressed == {"email"}
    with writing(engine) as connection:
        suppressions.suppress(connection, "c1", "push", NOW, "unsubscribed", told_at=NOW)
    assert Contacts(engine).read(["c1"], NOW)["c1"].suppressed == {"email", "push"}


def test_what_closes_a_channel_or_opens_it_later_is_not_known_earlier(engine):
    with writing(engine) as connection:
        for channel, days in (("email", -2), ("push", -4)):
            closing = ("c1", channel, NOW + timedelta(days=days), "unsubscribed")
            suppressions.suppress(connection, *closing, told_at=NOW)
    log(engine, (-1, "consent_given", "push", {}))

    def suppressed(days):
        state = Contacts(engine).of("c1", NOW + timedelta(days=days))
        return set() if state is None else state.suppressed

    assert [suppressed(days) for days in (-5, -3, -1.5, 0)] == [
        set(),
        {"push"},
        {"push", "email"},
        {"email"},
    ]


@pytest.mark.parametrize("order", list(permutations((-8, -5, -2))))
def test_a_channel_that_was_closed_several_times_was_closed_each_time(engine, order):
    for days in order:
        closing = ("c1", "email", NOW + timedelta(days=days), "unsubscribed")
        with writing(engine) as connection:
            suppressions.suppress(connection, *closing, told_at=NOW)
    log(
        engine,
        (-7, "consent_given", "email", {}),
        (-4, "consent_given", None, {}),
        (-1, "consent_given", "email", {}),
    )

    def suppressed(days):
        state = Contacts(engine).of("c1", NOW + timedelta(days=days))
        return state is not None and state.suppressed == {"email"}

    moments = (-9, -7.5, -6, -4.5, -3, -1.5, 0)
    assert [suppressed(days) for days in moments] == [False, True, False, True, False, True, False]


def test_what_is_said_to_happen_in_a_moment_counts_once_it_was_heard(engine):
    with writing(engine) as connection:
        closing = ("c1", "email", NOW + timedelta(seconds=30), "unsubscribed")
        suppressions.suppress(connection, *closing, told_at=NOW)
    assert Contacts(engine).read(["c1"], NOW)["c1"].suppressed == {"email"}


def test_what_was_decided_later_is_not_known_earlier(engine):
    planned(engine)
    assert Contacts(engine).read(["c1"], NOW - timedelta(hours=1)) == {}


def test_what_became_of_a_message_in_the_instant_it_was_sent_counts(engine):
    log(
        engine,
        (-1, "message_bounced", "email", {"message_id": "m1"}),
        (-1, "message_sent", "email", {"message_id": "m1"}),
        (-1, "message_sent", "email", {"message_id": "m2"}),
        (-1, "message_opened", "email", {"message_id": "m2"}),
    )
    bounced, opened = Contacts(engine).read(["c1"], NOW)["c1"].contacts
    assert bounced.released
    assert list(bounced.outcomes) == ["bounced"]
    assert not opened.released
    assert list(opened.outcomes) == ["opened"]


def test_messages_are_found_without_looking_at_what_else_a_customer_did(tmp_path: Path) -> None:
    """Every decision asks for them, and most of what customers do is something else."""
    engine = EventLog(connect(f"sqlite:///{tmp_path}/retain.db")).engine
    with reading(engine) as connection:
        given = {"ids": ["c"], "since": 0, "remembered": 0, "until": 1}
        asked, fixed, order = messages._MESSAGES._render(connection.dialect, given)
        values = tuple({**fixed, **given, "ids_1": "c"}[name] for name in order or ())
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", values).all()
    engine.dispose()

    assert "COVERING INDEX events_of_whole_messages" in str(plan)
    assert all(f"'{kind}'" in OF_MESSAGES for kind in messages.OUTCOMES)
