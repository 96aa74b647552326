"""The vocabulary is a table: names lead to one type, aliases to one name."""

import pytest

from retain.vocabulary import EventType, _index, vocabulary

FAMILIES = {
    "browsing": "page_viewed product_viewed product_impression searched product_used "
    "products_compared media_progress scrolled form_step_completed form_error promotion_viewed "
    "promotion_joined social_reaction category_viewed",
    "commerce": "product_added product_removed cart_viewed checkout_started payment_attempted "
    "payment_failed coupon_applied order_completed order_cancelled order_refunded store_visited",
    "relationship": "signed_up logged_in profile_updated preferences_updated points_changed "
    "tier_changed referral_sent referral_converted consultation_requested",
    "service": "ticket_opened ticket_closed call_logged chat_ended review_submitted "
    "survey_submitted nps_submitted",
    "messages": "message_sent message_delivered message_opened message_clicked message_bounced "
    "message_unsubscribed message_complained experiment_viewed",
    "subscription": "subscription_started subscription_renewed subscription_cancelled",
    "consent": "consent_given consent_withdrawn",
    "identity": "identity_linked identity_unlinked",
}


@pytest.mark.parametrize(("family", "names"), FAMILIES.items())
def test_a_family_has_its_types(family: str, names: str) -> None:
    found = {name for name, row in vocabulary().types.items() if row.family == family}
    assert found == set(names.split())


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Order Completed", "order_completed"),
        ("purchase_complete", "order_completed"),
        ("purchase_completed", "order_completed"),
        ("page_view", "page_viewed"),
        ("product_view", "product_viewed"),
        ("product_impression", "product_impression"),
        ("add_to_cart", "product_added"),
        ("checkout_initiate", "checkout_started"),
        ("checkout_start", "checkout_started"),
        ("view_item", "product_viewed"),
        ("begin_checkout", "checkout_started"),
        ("refund", "order_refunded"),
        ("identify", "profile_updated"),
    ],
)
def test_the_usual_names_lead_to_a_type(spelling: str, name: str) -> None:
    found = vocabulary().event_type(spelling)
    assert isinstance(found, EventType)
    assert found.name == name


def test_every_type_is_known_by_its_name_and_its_aliases() -> None:
    for row in vocabulary().types.values():
        for spelling in (row.name, *row.aliases):
            assert vocabulary().event_type(spelling) is row


def test_an_unknown_name_leads_nowhere() -> None:
    assert vocabulary().event_type("teleported") is None
    assert vocabulary().event_type("") is None


def test_a_property_alias_holds_only_where_the_type_has_it() -> None:
    types = vocabulary().types
    assert vocabulary().property_name("sku", types["product_viewed"]) == "product_id"
    assert vocabulary().property_name("sku", types["logged_in"]) is None


def test_every_family_named_is_used() -> None:
    assert {row.family for row in vocabulary().types.values()} == set(vocabulary().families)


def test_an_alias_of_two_names_is_an_error() -> None:
    with pytest.raises(ValueError, match="names both"):
        _index({"a": ("same",), "b": ("same",)})


def test_currencies_are_codes_of_three_letters() -> None:
    assert {"GBP", "EUR", "USD", "KRW"} <= vocabulary().currencies
    assert all(len(code) == 3 and code.isupper() for code in vocabulary().currencies)
