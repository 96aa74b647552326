"""The service over a real home: merges, their undoing, visitors and consent, over HTTP."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pyarrow.parquet as pq
import pytest

from retain.clock import iso
from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import Settings
from services import batch
from services.composition import compose
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client

Json = dict[str, Any]
_number = count()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def client(home: Settings) -> Iterator[Client]:
    service = compose(home)
    yield Client(service.application)
    service.close()


@pytest.fixture(scope="module")
def buyers(home: Settings, client: Client) -> Iterator[str]:
    """Customers with scores, each used by one test alone."""
    ids = sorted(customers_of(EventLog(connect(home.database_url))))
    answered = client.post("/predict", json={"customer_ids": ids}).json()["predictions"]
    return iter([one["customer_id"] for one in answered if one["status"] == "ok"])


def predict(client: Client, **asked: Any) -> Json:
    response = client.post("/predict", json=asked)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def tell(client: Client, event_type: str, at: datetime = AS_OF, **event: Any) -> None:
    record = {"event_id": f"i-{next(_number)}", "type": event_type, "timestamp": iso(at), **event}
    response = client.post("/events?wait=true", json=record)
    assert response.json()["results"][0]["status"] == "accepted", response.text


def link(client: Client, into: str, member: str, *, undo: bool = False, kind: str = "customer", at: datetime = AS_OF) -> None:  # fmt: skip
    told = {"linked_id": member, "link_type": kind}
    tell(client, f"identity_{'un' if undo else ''}linked", at, customer_id=into, properties=told)


def features(client: Client, customer_id: str) -> Json:
    found = client.get(f"/customers/{customer_id}").json()["features"]
    return {name: one["value"] for name, one in found.items()}


SCORES = ("churn", "next_purchase", "ltv", "segment", "features_as_of")


def test_a_customer_merged_away_is_answered_as_the_survivor(client: Client, buyers: Any) -> None:
    old, new = next(buyers), next(buyers)
    orders = [features(client, one)["orders_lifetime"] for one in (old, new)]
    link(client, new, old)
    assert features(client, new)["orders_lifetime"] == sum(orders)
    listed = predict(client, customer_ids=[old, "nobody", new])["predictions"]
    assert [one["customer_id"] for one in listed] == [old, "nobody", new]
    assert [one.get("merged_into") for one in listed] == [new, None, None]
    assert listed[1]["status"] == "unknown_customer"
    alone = predict(client, customer_id=old)
    for name in SCORES:
        assert listed[0][name] == listed[2][name] == alone[name]
    before = predict(client, customer_id=old, as_of=iso(AS_OF - timedelta(seconds=1)))
    assert before["merged_into"] is None


def test_a_profile_lists_the_ids_of_the_survivor_and_what_linked_them(
    client: Client, buyers: Any
) -> None:
    old, new = next(buyers), next(buyers)
    link(client, old, "seen-before", kind="anonymous", at=AS_OF - timedelta(days=1))
    link(client, new, old)
    for asked in (old, new):
        profile = client.get(f"/customers/{asked}").json()
        told = [(i["kind"], i["id"], i["since"], i["linked_to"]) for i in profile["identities"]]
        assert sorted(told) == sorted(
            [("anonymous", "seen-before", iso(AS_OF), old), ("customer", old, iso(AS_OF), new)]
        )
        assert all(one["event_id"].startswith("i-") for one in profile["identities"])
        assert profile["merged_into"] == (new if asked == old else None)


def test_a_merge_undone_gives_both_back_what_they_had(client: Client, buyers: Any) -> None:
    old, new = next(buyers), next(buyers)
    before = [features(client, one) for one in (old, new)]
    link(client, new, old, at=AS_OF - timedelta(minutes=1))
    assert features(client, old) == features(client, new)
    link(client, new, old, undo=True)
    assert [features(client, one) for one in (old, new)] == before
    assert client.get(f"/customers/{old}").json()["identities"] == []


def test_what_a_visitor_saw_joins_the_customer_by_segments_identify(
    client: Client, buyers: Any
) -> None:
    buyer = next(buyers)
    before = features(client, buyer)["product_views_30d"]
    seen = {"anonymousId": "v-7", "event": "Product Viewed", "properties": {"product_id": "p"}}
    call = {"type": "track", "timestamp": iso(AS_OF - timedelta(days=2)), **seen}
    client.post("/events", json={**call, "messageId": "v-1"})
    client.post(
        "/events?wait=true",
        json={"type": "identify", "messageId": "v-2", "userId": buyer, "anonymousId": "v-7",
              "timestamp": iso(AS_OF), "traits": {}},
    )  # fmt: skip
    assert features(client, buyer)["product_views_30d"] == before + 1


def test_who_waits_for_a_visitors_event_finds_it_with_the_customer_the_visitor_is(
    client: Client, buyers: Any
) -> None:
    buyer = next(buyers)
    link(client, buyer, "v-8", kind="anonymous", at=AS_OF - timedelta(minutes=1))
    before = features(client, buyer)["product_views_30d"]
    for number in (1, 2):
        tell(client, "product_viewed", anonymous_id="v-8", properties={"product_id": "p"})
        assert features(client, buyer)["product_views_30d"] == before + number


def test_a_decision_for_an_id_merged_away_is_the_survivors(client: Client, buyers: Any) -> None:
    old, new = next(buyers), next(buyers)
    headers = {"Idempotency-Key": "merged"}
    link(client, new, old)
    first = client.post("/rank", json={"customer_id": old, "receipt": True}, headers=headers).json()
    again = client.post("/rank", json={"customer_id": old, "receipt": True}, headers=headers).json()
    assert again == first
    assert (first["customer_id"], first["merged_into"]) == (old, new)
    stored = client.get(f"/decisions/{first['decision_id']}").json()
    assert stored["customer_id"] == new


def test_contacts_made_under_an_old_id_count_for_the_survivor(client: Client, buyers: Any) -> None:
    old, new = next(buyers), next(buyers)
    for number in range(3):
        at = AS_OF - timedelta(hours=number)
        tell(client, "message_sent", at, customer_id=old, channel="email", properties={"message_id": f"m{number}-{old}"})  # fmt: skip

    def made() -> int:
        decided = client.post("/rank", json={"customer_id": new}).json()["decision_id"]
        caps: Json = client.get(f"/decisions/{decided}").json()["caps"]
        count: int = caps["contacts"]["made"]
        return count

    before = made()
    link(client, new, old)
    assert made() >= before + 3


def test_of_who_withdrew_nothing_is_scored_until_they_consent_again(
    home: Settings, client: Client, buyers: Any, tmp_path: Any
) -> None:
    buyer = next(buyers)
    before = predict(client, customer_id=buyer)
    told = {"customer_id": buyer, "properties": {"purpose": "profiling"}}
    tell(client, "consent_withdrawn", AS_OF - timedelta(minutes=1), **told)
    found = predict(client, customer_id=buyer)
    assert found["status"] == "no_consent"
    assert {found[head]["status"] for head in ("churn", "next_purchase", "ltv")} == {"no_consent"}
    assert found["churn"]["probability"] is found["ltv"]["value"] is None
    assert features(client, buyer)["orders_lifetime"] == 0
    assert client.get(f"/customers/{buyer}").json()["consent"]["withdrawn_purposes"] == ["profiling"]  # fmt: skip
    earlier = predict(client, customer_id=buyer, as_of=iso(AS_OF - timedelta(minutes=2)))
    assert earlier["churn"] == before["churn"] or earlier["churn"]["probability"] is not None
    out = tmp_path / "scores.parquet"
    batch.score(home, AS_OF, out)
    scored = {row["customer_id"]: row for row in pq.read_table(out).to_pylist()}
    assert scored[buyer]["status"] == "no_consent"
    assert scored[buyer]["churn_probability"] is scored[buyer]["ltv_value"] is None
    tell(client, "consent_given", AS_OF, **told)
    again = predict(client, customer_id=buyer)
    assert again["ltv"] == before["ltv"]


def test_a_batch_lists_survivors_alone_and_scores_them_as_predict_does(
    home: Settings, client: Client, buyers: Any, tmp_path: Any
) -> None:
    old, new = next(buyers), next(buyers)
    link(client, new, old)
    out = tmp_path / "scores.parquet"
    batch.score(home, AS_OF, out)
    scored = {row["customer_id"]: row for row in pq.read_table(out).to_pylist()}
    assert old not in scored
    answered = predict(client, customer_id=old)
    assert scored[new]["ltv_value"] == answered["ltv"]["value"]
    assert scored[new]["segment"] == answered["segment"]["name"]
