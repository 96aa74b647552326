"""Scenarios as user classes; without a choice all of them, a mixed day.

    locust -f loadtests/locustfile.py [PageView] [CallCentre] [Campaign] [EventStream]

``--tags`` and ``--exclude-tags`` choose among the requests: predict, rank, explain, profile,
batch, events, feedback.
"""

import random
import uuid
from typing import Any

import limits  # noqa: F401 - listens
import options  # noqa: F401 - listens
from caller import Caller
from locust import tag, task
from shop import SHOP

LIST = 1_000
EVENTS = 50
PAGES = ("home", "product", "cart", "account")


class PageView(Caller):
    """A web shop or CRM page: everything about one customer, now and then the next best action."""

    weight = 70
    think = (0.01, 0.05)

    @tag("predict")
    @task(9)
    def predict(self) -> None:
        """Everything about one customer."""
        answer = self.ask("POST", "/predict", {"customer_id": SHOP.customer()})
        action = answer and answer.get("next_best_action")
        if action:
            SHOP.decided(action["decision_id"], action["action_id"])

    @tag("rank")
    @task(1)
    def rank(self) -> None:
        """A place on the page that shows the next best action."""
        context = {"channel": "web", "page": random.choice(PAGES)}
        answer = self.ask("POST", "/rank", {"customer_id": SHOP.customer(), "context": context})
        if answer and answer["actions"]:
            SHOP.decided(answer["decision_id"], answer["actions"][0]["action_id"])


class CallCentre(Caller):
    """Somebody calls: who is this, how do they stand, and why."""

    weight = 10
    think = (0.05, 0.25)

    @tag("profile", "explain")
    @task
    def call(self) -> None:
        """Profile and explained prediction of the same customer."""
        customer = SHOP.customer()
        self.ask("GET", f"/customers/{customer}", name="/customers/{id}")
        body = {"customer_id": customer, "explain": True}
        self.ask("POST", "/predict", body, "/predict (explain)")


class Campaign(Caller):
    """A list is scored for a mailing, a thousand customers at a time."""

    weight = 2
    think = (0.5, 2.0)

    @tag("batch")
    @task
    def score(self) -> None:
        """Three heads and the segment of a thousand."""
        include = ["churn", "next_purchase", "ltv", "segment"]
        body = {"customer_ids": SHOP.several(LIST), "include": include}
        self.ask("POST", "/predict", body, f"/predict ({LIST})", fault=unavailable)


class EventStream(Caller):
    """What customers do, in small batches as a collector sends them, and outcomes."""

    weight = 18
    think = (0.05, 0.15)

    @tag("events")
    @task(8)
    def report_events(self) -> None:
        """Fifty events of as many customers."""
        self.look_at_the_clock()
        events = [_event() for _ in range(EVENTS)]
        self.ask("POST", "/events", {"events": events}, f"/events ({EVENTS})", fault=rejected)

    @tag("feedback")
    @task(2)
    def report_outcome(self) -> None:
        """What became of a decision; where none is known yet, one is asked for first."""
        known = SHOP.decision() or self._decide()
        if known is None:
            return
        self.look_at_the_clock()
        decision_id, action_id = known
        outcome = {
            "feedback_id": str(uuid.uuid4()),
            "decision_id": decision_id,
            "action_id": action_id,
            "outcome": "shown",
            "occurred_at": SHOP.clock,
        }
        self.ask("POST", "/feedback", outcome, fault=rejected)

    def _decide(self) -> tuple[str, str] | None:
        answer = self.ask("POST", "/rank", {"customer_id": SHOP.customer()})
        if answer and answer["actions"]:
            SHOP.decided(answer["decision_id"], answer["actions"][0]["action_id"])
        return SHOP.decision()


def rejected(answer: dict[str, Any]) -> str:
    """What of an answer of one result per thing sent is no success."""
    results = answer.get("results", [])
    why = [one.get("reason") or "" for one in results if one.get("status") == "rejected"]
    return f"{len(why)} of {len(results)} rejected: {why[0]:.80}" if why else ""


def unavailable(answer: dict[str, Any]) -> str:
    """How many of a list were not answered for."""
    told = answer.get("predictions", [])
    away = sum(one.get("status") == "unavailable" for one in told)
    return f"{away} of {len(told)} unavailable" if away else ""


def _event() -> dict[str, Any]:
    kind, properties = random.choice(
        [
            ("product_viewed", {"product_id": f"sku-{random.randrange(1_000)}"}),
            ("page_viewed", {"url": "https://shop.example/"}),
            ("product_added", {"product_id": "sku-17", "quantity": 1, "price": 3.75}),
        ]
    )
    return {
        "event_id": str(uuid.uuid4()),
        "type": kind,
        "customer_id": SHOP.customer(),
        "timestamp": SHOP.clock,
        "channel": "web",
        "properties": properties,
    }
