"""A caller that behaves: one kept connection, a key where there is one, patience when refused."""

import random
from typing import Any

import gevent
from locust import FastHttpUser
from shop import SHOP

_REFUSED = (429, 503)
_ONE_SECOND = "1"


class Caller(FastHttpUser):
    """The base of every scenario's users; ``think`` is seconds between two requests."""

    abstract = True
    think = (0.0, 0.0)

    def wait_time(self) -> float:
        """Seconds until the next request."""
        hurry: float = self.environment.parsed_options.hurry
        return random.uniform(*self.think) / hurry if hurry else 0.0

    def on_start(self) -> None:
        """Learn the service's clock: a pinned one refuses events of today."""
        key: str = self.environment.parsed_options.api_key
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        if SHOP.clock is None:
            body = {"customer_id": SHOP.customer(), "include": ["churn"]}
            answer = self.ask("POST", "/predict", body, "/predict (clock)")
            SHOP.clock = None if answer is None else answer["as_of"]

    def ask(self, method: str, path: str, body: Any = None, name: str = "") -> Any:
        """The answer's JSON; None where it was no success, which counts as a failure.

        Whoever is refused waits as long as the answer says, and up to half of it more or less.
        """
        with self.client.request(
            method, path, json=body, headers=self._headers, name=name or path, catch_response=True
        ) as answer:
            # an answer that broke off has a good status and nothing in it
            if answer.ok and answer.content:
                return answer.json()
            kind = (answer.json() or {}).get("type", "") if answer.content else ""
            answer.failure(f"{answer.status_code} {kind}".strip())
            status, wait = answer.status_code, (answer.headers or {}).get("Retry-After")
        if status in _REFUSED:
            gevent.sleep(float(wait or _ONE_SECOND) * random.uniform(0.5, 1.5))
        return None
