"""Numbers too large for any amount: they cost the event they are in, with a reason."""

import pytest

from tests.contract.test_http_problems import problem

GOOD = '{"event_id": "good", "type": "page_viewed", "customer_id": "c", "timestamp": "2026-11-21"}'
PLACES = {
    "product_id": ("invalid_property", '"properties": {"product_id": %s}'),
    "coupon": (
        "invalid_property",
        '"type": "order_completed", "properties": {"total": 1, "coupon": %s}',
    ),
    "line": (
        "invalid_property",
        '"type": "order_completed", "properties": {"lines": [{"price": 1, "product_id": %s}]}',
    ),
    "total": ("invalid_property", '"type": "order_completed", "properties": {"total": %s}'),
    "shipping": (
        "invalid_property",
        '"type": "order_completed", "properties": {"total": 1, "shipping": %s}',
    ),
    "traits": ("invalid_property", '"type": "profile_updated", "traits": {"country": %s}'),
    "text": ("invalid_property", '"properties": "{\\"product_id\\": %s}"'),
    "customer": ("invalid_field", '"customer_id": %s'),
    "event": ("invalid_field", '"event_id": %s'),
    "visitor": ("invalid_field", '"anonymous_id": %s'),
    "device": ("invalid_field", '"device": %s'),
    "time": ("unparseable_time", '"timestamp": %s'),
    "cloud": ("invalid_field", '"specversion": "1.0", "source": "s", "id": %s'),
}
BASE = '{"type": "product_viewed", "customer_id": "c", "timestamp": "2026-11-21", %s}'
SEGMENT = (
    '{"type": "track", "event": "Order Completed", "messageId": "m", "userId": "u", '
    '"timestamp": "2026-11-21", "properties": {"total": %s, "tax": %s}}'
)


def results(client, *events: str, query: str = "") -> list[dict]:
    response = client.post(f"/events{query}", content=f"[{', '.join(events)}]")
    assert response.status_code == 207, response.text
    return response.json()["results"]


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
@pytest.mark.parametrize("number", ["1e999", "-1e999"])
@pytest.mark.parametrize("place", PLACES)
def test_a_number_that_overflows_costs_its_own_event(client, service, place, number, query) -> None:
    reason, given = PLACES[place]
    bad, good = results(client, BASE % (given % number), GOOD, query=query)
    assert (bad["status"], bad["reason"], good["status"]) == ("rejected", reason, "accepted")
    assert bad["detail"]
    assert set(service.log.stored) <= {"good"}


@pytest.mark.parametrize("tax", ["1.5", "2"])
@pytest.mark.parametrize("huge", ["1e999", "1" + "0" * 400])
def test_an_amount_of_hundreds_of_digits_costs_its_own_order(client, huge, tax) -> None:
    for amounts in ((huge, tax), (tax, huge), (huge, huge)):
        bad, good = results(client, SEGMENT % amounts, GOOD)
        assert (bad["status"], bad["reason"]) == ("rejected", "invalid_property")
        assert good["status"] in ("accepted", "duplicate")


def test_a_number_of_more_digits_than_are_read_is_told_as_that(client) -> None:
    body = problem(client.post("/events", content=BASE % f'"a": {"1" * 5_000}'), 400)
    assert "digits" in body["detail"]
