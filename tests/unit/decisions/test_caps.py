"""Caps: counted over what was and will be sent."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.decisions.caps import Limiter
from retain.decisions.state import Contact, ContactState
from tests.catalogues import NOW, action, catalogue

CATALOGUE = catalogue(
    action("mail"),
    action("rare", cap={"limit": 1, "days": 30}),
    action("sms", channel="sms"),
    action("banner", channel="web"),
    action("must", transactional=True),
    channel_caps={"sms": {"limit": 1, "days": 7}},
)
LIMITER = Limiter(CATALOGUE)


def forbid(action_id, *contacts, own=None, suppressed=()):
    made = tuple(
        Contact(NOW + timedelta(days=days), channel, who) for days, channel, who in contacts
    )
    state = ContactState(made, frozenset(suppressed))
    return LIMITER.of("c1", own).forbid(CATALOGUE.by_id[action_id], state, NOW)


THREE = [(-1, "email", "mail"), (-2, "email", None), (1, "push", "other")]


def test_the_cap_counts_every_channel_planned_contacts_and_those_of_others():
    assert forbid("mail", *THREE[:2]) is None
    assert forbid("mail", *THREE) == "cap_contacts"


def test_a_contact_of_exactly_seven_days_ago_no_longer_counts():
    assert forbid("mail", *THREE[:2], (-7, "email", "mail")) is None


def test_the_customers_own_limit_comes_first():
    assert forbid("mail", own=0) == "cap_customer"
    assert forbid("mail", (-1, "email", "mail"), own=1) == "cap_customer"


def test_an_action_has_its_own_cool_down():
    assert forbid("rare", (-29, "email", "rare")) == "cap_action"
    assert forbid("rare", (-29, "email", "mail")) is None


def test_a_channel_has_its_own_cap():
    assert forbid("sms", (-1, "sms", "mail")) == "cap_channel"
    assert forbid("sms", (-1, "email", "mail")) is None


def test_transactional_messages_override_caps_and_do_not_count():
    assert forbid("must", *THREE, own=0) is None
    assert forbid("mail", *[(-1, "email", "must")] * 5) is None


def test_what_is_shown_on_the_site_is_no_contact():
    assert forbid("banner", *THREE) is None
    assert forbid("mail", *[(-1, "web", "banner")] * 5) is None


def test_a_closed_channel_is_closed_for_everything_on_it():
    assert forbid("mail", suppressed=["email"]) == "suppressed"
    assert forbid("must", suppressed=["email"]) == "suppressed"
    assert forbid("sms", suppressed=["email"]) is None


def test_nothing_forbids_doing_nothing():
    assert forbid("none", *THREE, own=0, suppressed=["email"]) is None


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60)), max_size=60))
def test_no_seven_days_ever_hold_more_contacts_than_the_cap(requests):
    limits, made = LIMITER.of("c1"), []
    for asked, delay in sorted(requests):
        now = NOW + timedelta(hours=asked)
        state = ContactState(tuple(made))
        if limits.forbid(CATALOGUE.by_id["mail"], state, now) is None:
            made.append(Contact(now + timedelta(hours=delay), "email", "mail"))
    times = sorted(contact.at for contact in made)
    for first in times:
        assert sum(first <= at < first + timedelta(days=7) for at in times) <= 3


@pytest.mark.parametrize("limit", [0, 1])
def test_a_cap_of_zero_forbids_always(limit):
    zero = catalogue(action("mail"), contact_cap={"limit": limit, "days": 7})
    forbidden = Limiter(zero).of("c1").forbid(zero.by_id["mail"], ContactState(), NOW)
    assert forbidden == ("cap_contacts" if limit == 0 else None)
