"""Hand-written stand-ins for what the service is composed of."""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import numpy as np

from retain import signals
from retain.clock import iso
from retain.decisions.feedback import FeedbackResult
from retain.errors import NotFound, StoreUnavailable
from retain.event import EVENT_SCHEMA
from retain.eventlog import Appended, Row
from retain.features.reader import Features
from retain.features.sheet import Sheet
from retain.manifest import Manifest, Measured, ModelFeature, TrainingWindow
from retain.reasons import HEADS, Reason
from retain.scoring import Scores
from retain.segments import Segments
from retain.settings import PROJECT_CONFIG, load
from retain.signals import Signals
from services.event_writer import Stored
from services.gate.backlog import Backlog
from services.gate.gate import Gate
from services.gate.layout import places
from services.ingest import Ingest
from services.metrics import Metrics
from services.outcomes import Outcomes
from services.pools import Pools
from services.predictions import Predictions
from services.profiles import Profiles
from services.routes import application
from services.schemas import deliveries
from services.use_cases import Handled, UseCases

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)


def manifest(head: str) -> Manifest:
    return Manifest(
        head=head,
        features=(ModelFeature(name="order_recency_days"),),
        horizon_days=90,
        label="a label",
        population="everyone",
        training=TrainingWindow(as_of=datetime(2026, 8, 1, tzinfo=UTC), rows=10),
        metrics={"roc_auc": Measured(value=0.8, low=0.7, high=0.9)},
    ).sealed()


SIGNAL_FEATURES = (
    "order_gap_mean_days",
    "order_gap_sd_days",
    "orders_lifetime",
    "active_days_30d",
    "active_days_90d",
    "visit_recency_days",
    "service_contacts_30d",
    "service_contacts_90d",
    "sentiment_mean",
    "contacts_since_days",
    "days_to_term_end",
    "subscription_changed_days",
    "subscription_active",
)
OVERDUE = {
    "order_recency_days": np.array([46.0]),
    "order_gap_mean_days": np.array([20.0]),
    "order_gap_sd_days": np.array([4.0]),
    "orders_lifetime": np.array([9.0]),
}
MANIFESTS = {head: manifest(head) for head in ("churn", "next_purchase", "ltv")}


def scores(
    customer_ids: Sequence[str],
    as_of: datetime,
    statuses: dict[str, str] | None = None,
    told: dict[str, np.ndarray] | None = None,
) -> Scores:
    """Plausible scores; every number is there also where its status withholds it.

    ``told`` are columns beside them, which the signals read, of the first of the customers.
    """
    n = len(customer_ids)
    status = [(statuses or {}).get(c, "ok") for c in customer_ids]
    moment = np.full(n, np.datetime64(as_of.replace(tzinfo=None), "us"))
    return Scores(
        customer_ids=list(customer_ids),
        as_of=moment,
        status=status,
        churn_status=status,
        churn_probability=np.full(n, 0.25),
        churn_band=["low"] * n,
        purchase_status=["ok"] * n,
        purchase_7d=np.full(n, 0.1),
        purchase_30d=np.full(n, 0.3),
        purchase_90d=np.full(n, 0.6),
        expected_at=moment + np.timedelta64(30, "D"),
        low_at=moment + np.timedelta64(5, "D"),
        high_at=np.full(n, np.datetime64("NaT", "us")),
        ltv_status=["ok"] * n,
        ltv_value=np.full(n, 412.5),
        ltv_low=np.full(n, 120.0),
        ltv_high=np.full(n, np.inf),
        ltv_tier=["high"] * n,
        currency=["GBP"] * n,
        segments=Segments(
            names=_objects(["champions"] * n),
            priorities=_objects(["A"] * n),
            stages=_objects(["loyalty"] * n),
            tags=_objects([["vip"]] * n),
            r=np.full(n, 5.0),
            f=np.full(n, 5.0),
            m=np.full(n, 5.0),
        ),
        columns={
            "order_recency_days": np.full(n, 12.5),
            "average_order_value_trend": np.full(n, np.nan),
            "favourite_category": _objects(["lunch bags"] * n),
            "withdrawn_channels": _objects([["sms"]] * n),
            "withdrawn_purposes": _objects([[]] * n),
            "reachable_channels": _objects([["email"]] * n),
            "max_contacts_per_week": np.full(n, 2.0),
            **{name: np.full(n, np.nan) for name in SIGNAL_FEATURES},
            **{name: _of_the_first(column, n) for name, column in (told or {}).items()},
        },
    )


def _of_the_first(column: np.ndarray, many: int) -> np.ndarray:
    return np.concatenate([column, np.full(many, np.nan)])[:many]


def _objects(values: Iterable[object]) -> np.ndarray:
    listed = list(values)
    array = np.empty(len(listed), dtype=object)
    array[:] = listed
    return array


class FakeReader:
    """Knows ``known``; everything was computed two seconds before it was asked for."""

    def __init__(self, known: Iterable[str] = ("17850", "13047")) -> None:
        self.known = set(known)
        self.asked: list[tuple[list[str], datetime]] = []
        self.down = False

    def parts(self, customer_ids: Sequence[str], as_of: datetime) -> list[Features]:
        return [self.read(customer_ids, as_of)]

    def read(self, customer_ids: Sequence[str], as_of: datetime) -> Features:
        if self.down:
            raise StoreUnavailable("sqlite at /secret/path is locked", remedy="look at the disk")
        self.asked.append((list(customer_ids), as_of))
        found = [c for c in customer_ids if c in self.known]
        moments = np.array([as_of.replace(tzinfo=None)] * len(found), dtype="M8[us]")
        return Features(
            rows=SimpleNamespace(sheet=Sheet(found, moments, {})),
            unknown=[c for c in customer_ids if c not in self.known],
            features_as_of=dict.fromkeys(found, as_of - timedelta(seconds=2)),
        )


class FakeScorer:
    def __init__(self, statuses: dict[str, str] | None = None) -> None:
        self.statuses = statuses or {}
        self.told: dict[str, np.ndarray] | None = None

    def score(self, sheet: Sheet, stale_views: object = None, *, segments: bool = True) -> Scores:
        as_of = sheet.as_of.astype(object)[0].replace(tzinfo=UTC)
        return scores(sheet.customer_ids, as_of, self.statuses, self.told)


SIGNALS = Signals(signals.load(PROJECT_CONFIG))
ACTION = {
    "action_id": "replenishment_email",
    "channel": "email",
    "treatment": "standard",
    "tone": "trust",
    "content_type": "text",
    "items": ["sku-1"],
    "send_at": iso(NOW),
    "expires_at": iso(NOW),
    "score": 3.2,
    "propensity": 0.9,
}


class FakeExplainer:
    """Gives one reason for each head asked for, in the language asked for."""

    fail = False

    def explain(self, scores, heads, language):
        assert not self.fail
        return [
            [
                Reason(
                    head=head,
                    code="overdue",
                    group="purchase_rhythm",
                    direction="raises",
                    text=f"told in {language}",
                    value=46.0,
                    usual=20.0,
                    compared_with="own",
                    share=0.5,
                    features=("cycle_position",),
                )
                for head in HEADS
                if head in heads
            ]
            for _ in scores.customer_ids
        ]


class FakePreviews:
    def preview(self, scores, features):
        # as real ids do, these do not hold whom they are about
        return [{**ACTION, "decision_id": f"d-{row}"} for row in range(len(scores.customer_ids))]


class FakeRanking:
    def __init__(self) -> None:
        self.decisions: dict[str, dict] = {}
        self.late: dict[str, int] = {}
        self.looked = 0
        self.keys: dict[str, dict] = {}

    def rank(self, request, key):
        if key in self.keys:
            return self.keys[key]
        decision = {
            "decision_id": f"d-{len(self.decisions)}",
            "customer_id": request.customer_id,
            "as_of": iso(NOW),
            "actions": [{**ACTION, "terms": {"basis": "prior"}}][: request.limit],
            "experiment": None,
            "models": {"churn": "churn:ab12"},
        }
        receipt = {
            **decision,
            "candidates": [{"action_id": "win_back_sms", "terms": {}, "removed_by": "consent"}],
            "kind": "reserved",
            "policy": {"name": "greedy"},
            "context": {},
            "caps": {},
            "features_as_of": iso(NOW),
            "stale_views": [],
        }
        self.decisions[decision["decision_id"]] = receipt
        if request.receipt:
            decision["candidates"] = receipt["candidates"]
        if key is not None:
            self.keys[key] = decision
        return decision

    def replay(self, decision_id):
        self.looked += 1
        late = self.late[decision_id] = self.late.get(decision_id, 0) - 1
        if decision_id not in self.decisions or late >= 0:
            raise NotFound(f"no decision {decision_id!r} is known", field="decision_id")
        return self.decisions[decision_id]


class FakeLog:
    """An event log in a dictionary; ``pending`` empties itself after ``lag`` looks at it."""

    def __init__(self, lag: int = 1) -> None:
        self.stored: dict[str, dict] = {}
        self.lag = lag
        self.looked = 0

    def append_rows(self, rows: list[Row]) -> Appended:
        rows = [dict(zip(EVENT_SCHEMA.names, row, strict=True)) for row in rows]
        duplicates = {r["event_id"] for r in rows if r["event_id"] in self.stored}
        fresh = [r for r in rows if r["event_id"] not in duplicates]
        self.stored |= {r["event_id"]: r for r in fresh}
        return Appended(len(fresh), frozenset(duplicates))

    def known(self, event_ids: Sequence[str]) -> set[str]:
        return {i for i in event_ids if i in self.stored}

    def pending_among(self, customer_ids: Sequence[str]) -> set[str]:
        self.looked += 1
        return set(customer_ids) if self.looked <= self.lag else set()


class Writer:
    """Stores at once, in the thread that asks."""

    def __init__(self, append, stored) -> None:
        self.append, self.told = append, stored

    def submit(self, rows):
        stored = Future()
        stored.set_result(Stored(self.append(list(rows)).duplicates))
        self.told()
        return stored


class FakeFeedback:
    """Knows every decision but ``unknown``, and some of them only after so many looks."""

    def __init__(self) -> None:
        self.recorded = []
        self.late: dict[str, int] = {}

    def record(self, items):
        return [self._record(item["feedback_id"], item["decision_id"]) for item in items]

    def _record(self, feedback_id, decision_id):
        self.recorded.append(feedback_id)
        looks = self.late[decision_id] = self.late.get(decision_id, 0) - 1
        if decision_id == "unknown" or looks >= 0:
            return FeedbackResult(
                feedback_id, "rejected", "no such decision", "decision_id", decision_id
            )
        return FeedbackResult(feedback_id, "accepted")


class FakeHeld:
    """Holds one decision for pulling, until it is acknowledged."""

    def __init__(self) -> None:
        self.held = {deliveries.EXAMPLE["deliveries"][0]["delivery_id"]}
        self.asked: list[tuple[int, int | None]] = []

    def take(self, limit, lease_seconds):
        self.asked.append((limit, lease_seconds))
        return deliveries.EXAMPLE if self.held else deliveries.EMPTY_EXAMPLE

    def acknowledge(self, delivery_ids):
        told = [
            {"delivery_id": one, "status": "acknowledged" if one in self.held else "unknown"}
            for one in delivery_ids
        ]
        complete = self.held.issuperset(delivery_ids)
        self.held.difference_update(delivery_ids)
        return Handled({"results": told}, complete)


class Client:
    """Sends requests straight into an ASGI application."""

    def __init__(self, app) -> None:
        self._app = app

    def request(self, method: str, path: str, **parts) -> httpx.Response:
        return asyncio.run(self._send(method, path, **parts))

    def get(self, path: str, **parts) -> httpx.Response:
        return self.request("GET", path, **parts)

    def post(self, path: str, **parts) -> httpx.Response:
        return self.request("POST", path, **parts)

    async def _send(self, method: str, path: str, **parts) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://retain") as client:
            return await client.request(method, path, **parts)


class Service:
    """A service of fakes, with every part at hand."""

    def __init__(self, *, statuses: dict[str, str] | None = None) -> None:
        self.reader = FakeReader()
        self.scorer = FakeScorer(statuses)
        self.explainer = FakeExplainer()
        self.log = FakeLog()
        self.ranking = FakeRanking()
        self.feedback = FakeFeedback()
        self.deliveries = FakeHeld()
        self.metrics = Metrics()
        self.nudges = 0
        self.ready = True

    def nudge(self) -> None:
        self.nudges += 1

    def clock(self) -> datetime:
        return NOW

    def readiness(self) -> dict:
        check = {"ok": self.ready, "detail": "reached" if self.ready else "it did not answer"}
        return {
            "status": "ready" if self.ready else "not_ready",
            "checks": {"models": check, "features": check, "store": check},
        }

    def use_cases(self) -> UseCases:
        return UseCases(
            predictions=Predictions(
                reader=self.reader,
                scorer=self.scorer,
                signals=SIGNALS,
                explainer=self.explainer,
                previews=FakePreviews(),
                manifests=MANIFESTS,
                clock=self.clock,
                metrics=self.metrics,
            ),
            ranking=self.ranking,
            events=Ingest(
                log=self.log,
                known=self.log.known,
                writer=Writer(self.log.append_rows, self.nudge),
                clock=self.clock,
                metrics=self.metrics,
            ),
            feedback=Outcomes(self.feedback, self.metrics),
            deliveries=self.deliveries,
            profiles=Profiles(reader=self.reader, scorer=self.scorer, clock=self.clock),
            manifests=MANIFESTS,
            readiness=self.readiness,
            metrics=self.metrics,
        )

    def gate(self, app, *, checks=(), **limits):
        """``app`` behind the gate, with the stock limits but for these."""
        found, _ = places(replace(load({}), **limits))
        record = self.metrics.request
        return Gate(app, places=found, backlog=Backlog(), record=record, checks=checks)

    @contextmanager
    def client(self):
        pools = Pools()
        yield Client(self.gate(application(self.use_cases(), pools)))
        pools.close()
