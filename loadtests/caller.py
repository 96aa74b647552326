"""A caller that behaves: one kept connection, a key where there is one, patience when refused."""

import random
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent
from locust import FastHttpUser
from shop import SHOP

HANGS_SECONDS = 5.0
"""Who has waited so long when the run ends was not answered; others were only interrupted."""
_REFUSED = (429, 503)
_ONE_SECOND = "1"


def _json(answer: Any) -> dict[str, Any] | None:
    # a proxy answers a page; an answer that broke off has a good status and nothing in it
    try:
        told = answer.json() if answer.content else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


class NotAnsweredAtTheEnd(Exception):
    """The run was over, and the answer still not there."""


class Caller(FastHttpUser):
    """The base of every scenario's users; ``think`` is seconds between two requests."""

    abstract = True
    think = (0.0, 0.0)
    # a service gives up after 30 s at the latest and says so
    network_timeout = connection_timeout = 35.0

    def wait_time(self) -> float:
        """Seconds until the next request."""
        hurry: float = self.environment.parsed_options.hurry
        return random.uniform(*self.think) / hurry if hurry else 0.0

    def on_start(self) -> None:
        """Learn the service's clock: a pinned one refuses events of today."""
        key: str = self.environment.parsed_options.api_key
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.look_at_the_clock()

    def look_at_the_clock(self) -> None:
        """Ask what time it is, unless somebody has been told a moment ago."""
        if SHOP.is_clock_old():
            body = {"customer_id": SHOP.customer(), "include": ["churn"]}
            self.ask("POST", "/predict", body, "/predict (clock)")

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        name: str = "",
        *,
        fault: Callable[[Any], str] = lambda _: "",
    ) -> Any:
        """The answer's JSON; None where it was no success, which counts as a failure.

        Whoever is refused waits as long as the answer says, and up to half of it more or less.
        ``fault`` says of a good answer what failed in it, where something did.
        """
        began = monotonic()
        given = {"json": body, "headers": self._headers, "name": name or path}
        try:
            with self.client.request(method, path, **given, catch_response=True) as answer:
                told = _json(answer)
                failed = f"{answer.status_code} {told.get('type', '') if told else 'no JSON'}"
                if answer.ok and told is not None:
                    failed = fault(told)
                if not failed:
                    SHOP.heard(told)
                    return told
                answer.failure(failed.strip())
                status, wait = answer.status_code, (answer.headers or {}).get("Retry-After")
        except gevent.GreenletExit:
            self._cut_off(method, name or path, monotonic() - began)
            raise
        if status in _REFUSED:
            gevent.sleep(float(wait or _ONE_SECOND) * random.uniform(0.5, 1.5))
        return None

    def _cut_off(self, method: str, name: str, seconds: float) -> None:
        """Count a request that nobody answered; it would be in no statistics otherwise."""
        if seconds >= HANGS_SECONDS:
            self.environment.events.request.fire(
                request_type=method,
                name=name,
                response_time=1_000 * seconds,
                response_length=0,
                exception=NotAnsweredAtTheEnd(),
                context={},
            )
