"""The courier and a real HTTP server: retries, dead letters, circuits, restarts, one id."""

import json
from datetime import timedelta

import pytest

from retain.database import connect
from retain.triggers.circuits import Circuits
from services.courier import Courier
from services.metrics import Metrics
from services.signatures import keys_of
from services.trigger_metrics import TriggerMetrics
from services.webhooks import call
from tests.triggered import CART, Shop
from tests.webhook_receiver import DROP, SLOW, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TRIGGER = {**CART, "after": "0", "hand_over": "at_once", "deliver_to": "crm"}


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


@pytest.fixture
def shop(tmp_path, receiver):
    endpoint = {"url": receiver.url, "secret": "RETAIN_X", "timeout": "0.5s", "attempts": 4}
    one = Shop(
        connect(f"sqlite:///{tmp_path / 'retain.db'}"),
        TRIGGER,
        endpoints={"crm": {**endpoint, "first_wait": "4s", "longest_wait": "60s"}},
    )
    yield one
    one.engine.dispose()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def courier(shop, metrics):
    told = TriggerMetrics(metrics.registry)
    made = []

    def make() -> Courier:
        made.append(
            Courier(
                deliveries=shop.deliveries,
                endpoints=shop.triggers.config.endpoints,
                keys={"crm": keys_of(SECRET, name="RETAIN_X")},
                circuits=Circuits(shop.engine, shop.clock),
                call=call,
                clock=shop.clock,
                metrics=told,
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()


def held(shop: Shop, customer_id: str = "c") -> None:
    shop.happens("product_added", customer_id)
    shop.look()
    assert shop.decide() == 1


def sent(courier: Courier) -> int:
    begun = courier.send()
    courier.settle()
    return begun


def test_a_decision_arrives_signed_with_its_trigger_and_customer(shop, courier, receiver) -> None:
    held(shop)
    assert sent(courier()) == 1
    assert shop.states() == ["delivered"]
    [one] = receiver.received
    body = json.loads(one.body)
    assert body["type"] == "decision.triggered"
    assert body["data"]["trigger"] == "cart"
    assert body["data"]["customer_id"] == "c"
    assert body["data"]["decision"]["actions"][0]["action_id"] == "mail"
    assert one.headers["webhook-id"] == body["data"]["delivery_id"]
    assert one.headers["idempotency-key"] == body["data"]["delivery_id"]
    verify(one.headers, one.body)
    assert sent(courier()) == 0


def verify(headers: dict[str, str], body: bytes) -> None:
    """As docs/guides/triggers.md tells receivers to."""
    import base64
    import hashlib
    import hmac

    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [one.removeprefix("v1,") for one in headers["webhook-signature"].split(" ")]
    assert any(hmac.compare_digest(expected, one) for one in given)


@pytest.mark.parametrize("bad", [500, DROP, SLOW, 302])
def test_what_failed_is_tried_again_later_under_the_same_id(shop, courier, receiver, bad) -> None:
    receiver.answers = [bad]
    held(shop)
    one = courier()
    assert sent(one) == 1
    assert sent(one) == 0
    shop.clock.move(seconds=4.1)
    assert sent(one) == 1
    assert shop.states() == ["delivered"]
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert (first.headers["retain-attempt"], second.headers["retain-attempt"]) == ("1", "2")


def test_the_waits_double_and_the_last_failure_is_the_end(shop, courier, receiver) -> None:
    receiver.always = 500
    held(shop)
    one = courier()
    for wait in (0, 4, 8, 16):
        shop.clock.move(seconds=wait)
        assert sent(one) == 1
    shop.clock.move(hours=5)
    assert sent(one) == 0
    assert len(receiver.received) == 4
    assert shop.states() == ["dead"]


def test_an_endpoint_that_asks_for_time_gets_it(shop, courier, receiver) -> None:
    receiver.answers = [(503, {"retry-after": "30"})]
    held(shop)
    one = courier()
    sent(one)
    shop.clock.move(seconds=29)
    assert sent(one) == 0
    shop.clock.move(seconds=1)
    assert sent(one) == 1


def test_gone_is_the_end_of_the_delivery_and_a_pause_for_the_endpoint(
    shop, courier, receiver
) -> None:
    receiver.answers = [410]
    held(shop)
    one = courier()
    sent(one)
    assert shop.states() == ["dead"]
    held(shop, "other")
    assert sent(one) == 0
    shop.clock.move(minutes=11)
    assert sent(one) == 1
    assert sorted(shop.states()) == ["dead", "delivered"]


def test_an_endpoint_that_is_down_is_asked_less_and_nothing_is_lost(
    shop, courier, receiver
) -> None:
    receiver.always = 500
    for number in range(6):
        held(shop, f"c{number}")
    one = courier()
    while sent(one):
        pass
    assert len(receiver.received) < 9
    receiver.always = 200
    for _ in range(20):
        shop.clock.move(seconds=61)
        sent(one)
    assert shop.states() == ["delivered"] * 6


def test_a_courier_that_died_on_the_way_is_followed_by_another(shop, courier, receiver) -> None:
    held(shop)
    # taken by one that is gone: nothing noted
    [gone] = shop.deliveries.take("crm", 1, timedelta(seconds=30))
    shop.restart()
    one = courier()
    assert sent(one) == 0
    shop.clock.move(seconds=31)
    assert sent(one) == 1
    assert receiver.received[0].headers["webhook-id"] == gone.delivery_id
    assert shop.states() == ["delivered"]


def test_an_order_between_two_attempts_withdraws_the_decision(shop, courier, receiver) -> None:
    receiver.answers = [500]
    held(shop)
    one = courier()
    sent(one)
    shop.happens("order_completed")
    shop.clock.move(minutes=5)
    assert sent(one) == 0
    assert shop.states() == ["withdrawn"]
    assert len(receiver.received) == 1


def test_the_time_to_delivery_and_what_became_of_it_are_counted(
    shop, courier, receiver, metrics
) -> None:
    receiver.answers = [500]
    held(shop)
    one = courier()
    sent(one)
    shop.clock.move(seconds=8)
    sent(one)
    text = metrics.render().decode()
    assert 'retain_webhook_attempts_total{endpoint="crm",status="500"} 1.0' in text
    assert 'retain_deliveries_ended_total{endpoint="crm",outcome="delivered"} 1.0' in text
    assert 'retain_delivery_seconds_sum{trigger="cart"} 8.0' in text


def test_an_unsubscribe_told_as_feedback_stops_the_next_attempt(shop, courier, receiver) -> None:
    receiver.answers = [500]
    held(shop)
    one = courier()
    assert sent(one) == 1
    shop.hears("unsubscribed")
    shop.clock.move(minutes=5)
    assert sent(one) == 0
    assert len(receiver.received) == 1
    assert shop.states() == ["withdrawn"]
