"""A realistic mix against a running service: mostly single predictions, some of everything.

Customer ids come from the file ``RETAIN_CUSTOMERS`` names: ``scores.parquet`` or one id per
line. Any answer that is not a success fails the run.
"""

import os
import random
import uuid
from pathlib import Path

import pyarrow.parquet as pq
from locust import HttpUser, between, events, task
from locust.env import Environment

BATCH = 50


class Shop:
    """What all users share: the customers, the service's clock, recent decisions."""

    customers: tuple[str, ...] = ()
    clock: str | None = None
    decisions: tuple[tuple[str, str], ...] = ()


@events.test_start.add_listener
def read_customers(environment: Environment, **_: object) -> None:
    """Read the ids once, before the first user."""
    path = Path(os.environ.get("RETAIN_CUSTOMERS", "scores.parquet"))
    if path.suffix == ".parquet":
        column = pq.read_table(path, columns=["customer_id"]).column("customer_id")
        Shop.customers = tuple(column.to_pylist())
    else:
        Shop.customers = tuple(path.read_text("utf-8").split())
    if not Shop.customers and environment.runner:
        environment.runner.quit()


class Crm(HttpUser):
    """One connection of a CRM."""

    wait_time = between(0.01, 0.05)

    def on_start(self) -> None:
        """Learn the service's clock: a pinned one refuses events of today."""
        if Shop.clock is None:
            self.predict_one()

    @task(85)
    def predict_one(self) -> None:
        """A page view or a call: everything about one customer."""
        answer = self.client.post("/predict", json={"customer_id": self._customer()})
        if answer.ok:
            body = answer.json()
            Shop.clock = body["as_of"]
            action = body["next_best_action"]
            self._remember(action["decision_id"], action["action_id"])

    @task(5)
    def predict_batch(self) -> None:
        """A list in the CRM: scores of fifty customers."""
        ids = random.choices(Shop.customers, k=BATCH)
        body = {"customer_ids": ids, "include": ["churn", "next_purchase", "ltv", "segment"]}
        self.client.post("/predict", json=body, name="/predict (50)")

    @task(5)
    def rank(self) -> None:
        """A page that shows the next best action."""
        body = {"customer_id": self._customer(), "context": {"channel": "web", "page": "product"}}
        answer = self.client.post("/rank", json=body)
        if answer.ok and answer.json()["actions"]:
            self._remember(answer.json()["decision_id"], answer.json()["actions"][0]["action_id"])

    @task(4)
    def report_event(self) -> None:
        """Something happened."""
        event = {
            "event_id": str(uuid.uuid4()),
            "type": "product_viewed",
            "customer_id": self._customer(),
            "timestamp": Shop.clock,
            "channel": "web",
            "properties": {"product_id": f"sku-{random.randrange(1_000)}"},
        }
        self.client.post("/events", json={"events": [event]})

    @task(1)
    def report_outcome(self) -> None:
        """What became of a decision."""
        if not Shop.decisions:
            return
        decision_id, action_id = random.choice(Shop.decisions)
        outcome = {
            "feedback_id": str(uuid.uuid4()),
            "decision_id": decision_id,
            "action_id": action_id,
            "outcome": "shown",
            "occurred_at": Shop.clock,
        }
        self.client.post("/feedback", json=outcome)

    def _customer(self) -> str:
        return random.choice(Shop.customers)

    def _remember(self, decision_id: str, action_id: str) -> None:
        Shop.decisions = (*Shop.decisions[-99:], (decision_id, action_id))
