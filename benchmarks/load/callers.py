"""Callers during a fault: predictions whose scores are known, and events that must not be lost."""

import http.client
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from load.cases import HEADS

PROBLEM = "application/problem+json"
_TIMEOUT_SECONDS = 15.0
_PAUSE_SECONDS = 0.02
_IDLE_SECONDS = 3.0
_EVENTS = 5

Scores = dict[str, float | None]


@dataclass
class Heard:
    """What the callers were told; the counts are of the whole run."""

    predictions: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    not_problems: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    well_since: dict[str, float | None] = field(default_factory=dict)
    slowest_s: float = 0.0
    last_success: dict[str, float] = field(default_factory=dict)
    longest_without_s: dict[str, float] = field(default_factory=dict)


def scores(prediction: dict[str, Any]) -> Scores:
    """The numbers of a prediction."""
    churn, purchase, ltv = (prediction[head] or {} for head in HEADS)
    return {
        "churn": churn.get("probability"),
        "purchase": purchase.get("probability_30d"),
        "ltv": ltv.get("value"),
    }


def differ(one: float | None, other: float | None, tolerance: float) -> bool:
    """Whether two scores that are there differ by more than a share ``tolerance``."""
    if one is None or other is None:
        return False
    return abs(one - other) > tolerance * max(abs(other), 1e-3)


class Callers:
    """Threads that predict for ``customers`` and tell events of ``others``.

    Args:
        expected: the scores of ``customers``; a number that differs by more than the share
            ``tolerance`` is a wrong one. A missing one is an honest answer.
    """

    def __init__(
        self, port: int, expected: dict[str, Scores], others: Sequence[str], tolerance: float
    ) -> None:
        self.heard = Heard()
        self._port, self._expected, self._others = port, expected, list(others)
        self._tolerance = tolerance
        self._over = threading.Event()
        self._noting = threading.Lock()
        kinds = [self._predict, self._predict, self._predict, self._tell, self._tell]
        self._threads = [threading.Thread(target=self._call, args=(kind,)) for kind in kinds]

    def start(self) -> None:
        """Begin to call."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, once every caller has its last answer."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def well_for(self) -> float:
        """Seconds since which both kinds have had nothing but successes."""
        with self._noting:
            since = [self.heard.well_since.get(kind) for kind in ("predict", "events")]
        return min(0.0 if one is None else time.monotonic() - one for one in since)

    def _call(self, kind: Any) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        used = time.monotonic()
        while not self._over.wait(_PAUSE_SECONDS):
            if time.monotonic() - used > _IDLE_SECONDS:  # the server closes those, rightly
                connection.close()
            used = time.monotonic()
            try:
                kind(connection)
            except (OSError, http.client.HTTPException) as error:
                self._note("predict" if kind == self._predict else "events", type(error).__name__)
                connection.close()
        connection.close()

    def _predict(self, connection: http.client.HTTPConnection) -> None:
        customer = random.choice(list(self._expected))  # noqa: S311
        body = {"customer_id": customer, "include": HEADS}
        status, answer = self._post(connection, "/predict", body)
        if status == 200:
            found = scores(answer)
            off = {name: (one, self._expected[customer][name]) for name, one in found.items()}
            off = {name: pair for name, pair in off.items() if differ(*pair, self._tolerance)}
            if off:
                self.heard.wrong.append(f"{customer}: {off}")
            self._note("predict", "degraded" if answer["status"] == "degraded" else "200")
        else:
            self._note("predict", str(status))

    def _tell(self, connection: http.client.HTTPConnection) -> None:
        events = [
            {
                "event_id": str(uuid.uuid4()),
                "type": "product_viewed",
                "customer_id": random.choice(self._others),  # noqa: S311
                "timestamp": "2026-01-01T00:00:00Z",
                "channel": "web",
                "properties": {"product_id": "sku-1"},
            }
            for _ in range(_EVENTS)
        ]
        status, answer = self._post(connection, "/events", {"events": events})
        if status in (200, 207):
            told = [one["event_id"] for one in answer["results"] if one["status"] != "rejected"]
            with self._noting:
                self.heard.acknowledged.update(told)
            self._note("events", "200" if len(told) == len(events) else "rejected")
        else:
            self._note("events", str(status))

    def _post(
        self, connection: http.client.HTTPConnection, path: str, body: object
    ) -> tuple[int, Any]:
        began = time.monotonic()
        headers = {"content-type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        said, kind = response.read(), response.headers.get("content-type", "")
        self.heard.slowest_s = max(self.heard.slowest_s, time.monotonic() - began)
        if response.status >= 400 and not kind.startswith(PROBLEM):
            self.heard.not_problems.append(f"{response.status} {kind}: {said[:200]!r}")
        return response.status, json.loads(said) if said and "json" in kind else {}

    def _note(self, kind: str, what: str) -> None:
        with self._noting:
            counts = self.heard.predictions if kind == "predict" else self.heard.events
            counts[what] += 1
            now = time.monotonic()
            if what == "200":
                gap = now - self.heard.last_success.get(kind, now)
                longest = self.heard.longest_without_s
                longest[kind] = round(max(longest.get(kind, 0.0), gap), 2)
                self.heard.last_success[kind] = now
            if what != "200":
                self.heard.well_since[kind] = None
            elif self.heard.well_since.get(kind) is None:
                self.heard.well_since[kind] = now
