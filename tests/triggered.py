"""Triggers over a real database with a clock of the test's own: declared, fed, decided, delivered."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select

from retain.clock import iso, to_micros
from retain.decisions.feedback import Feedback
from retain.decisions.store import Decisions
from retain.event import Event, read_event, to_row
from retain.eventlog import EventLog
from retain.triggers.declaration import TriggerConfig, Triggers, compile_triggers
from retain.triggers.deliveries import Deliveries
from retain.triggers.firings import Firing, Firings
from retain.triggers.holding import hold
from retain.triggers.tables import deliveries, firings, timers
from retain.triggers.watch import Watch
from tests.decided import ranking

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
NAMES = {"en": "a trigger", "ko": "트리거"}
CART = {
    "id": "cart",
    "events": ["product_added"],
    "after": "30m",
    "goal": ["order_completed"],
    "cool_down": "1d",
}


def declared(*triggers: dict[str, Any], **config: Any) -> Triggers:
    """Enabled triggers, compiled."""
    given = [{"names": NAMES, "enabled": True, **one} for one in triggers]
    return compile_triggers(TriggerConfig.model_validate({"triggers": given, **config}))


class Clock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime = START) -> None:
        self.now = at

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


class Shop:
    """One database with triggers over it; every part can be made anew, as after a restart."""

    def __init__(self, engine: Engine, *triggers: dict[str, Any], **config: Any) -> None:
        self.engine = engine
        self.clock = Clock()
        self.triggers = declared(*triggers, **config)
        self.log = EventLog(engine)
        self.restart()

    def restart(self) -> None:
        """Forget everything that is not in the database."""
        self.watch = Watch(self.engine, self.triggers, self.clock)
        self.watch.begin()
        self.deliveries = Deliveries(self.engine, self.triggers, self.clock)

    def happens(
        self,
        kind: str,
        customer_id: str | None = "c",
        *,
        ago: float = 0.0,
        event_id: str | None = None,
        **told: Any,
    ) -> str:
        """An event, ``ago`` minutes old when it arrives; returns its id."""
        named = event_id or f"e{self.log.count()}"
        record = {
            "event_id": named,
            "type": kind,
            "customer_id": customer_id,
            "timestamp": iso(self.clock.now - timedelta(minutes=ago)),
            **({"total": 10.0, "currency": "GBP"} if kind == "order_completed" else {}),
            **told,
        }
        event = read_event(record, self.clock.now, live=True)
        assert isinstance(event, Event), event
        self.log.append_rows([to_row(event)], mark_pending=True)
        return named

    def hears(self, outcome: str, customer_id: str = "c", *, ago: float = 0.0) -> None:
        """Feedback, ``ago`` minutes old, on some decision of this customer's."""
        store = Decisions(self.engine)
        made = store.reserve(ranking(customer_id, self.clock.now), request={})
        told = {
            "feedback_id": f"{outcome}-{made.decision_id}",
            "decision_id": made.decision_id,
            "action_id": made.action_id,
            "outcome": outcome,
            "occurred_at": iso(self.clock.now - timedelta(minutes=ago)),
        }
        [result] = Feedback(self.engine, store, self.clock).record([told])
        assert result.status == "accepted", result.reason
        store.close()

    def look(self) -> int:
        """Look until the log is read and nothing fires any more; returns how many fired."""
        fired = 0
        while True:
            looked = self.watch.look()
            fired += looked.fired
            if looked.caught_up and not looked.fired:
                return fired

    def decide(self, action_id: str = "mail", **action: Any) -> int:
        """Keep a decision for everything that fired; returns how many are to be delivered."""
        return self.decide_by(
            lambda one: answer(one.firing_id, one.customer_id, self.clock.now, action_id, **action)
        )

    def decide_by(self, made: Callable[[Firing], dict[str, Any]]) -> int:
        """The same with decisions that ``made`` makes."""
        return sum(
            hold(
                self.engine,
                one,
                made(one),
                self.triggers.situations[one.trigger_id],
                to_micros(self.clock.now),
            )
            for one in Firings(self.engine).waiting(self.clock.now, 1_000)
        )

    def pull(self, limit: int = 10, seconds: float = 60) -> list[str]:
        """The ids of what is pulled."""
        taken = self.deliveries.take("pull", limit, timedelta(seconds=seconds))
        return [one.delivery_id for one in taken]

    def fired(self) -> list[tuple[str, str, str]]:
        """Trigger, customer and state of every firing, in order."""
        query = select(firings.c.trigger_id, firings.c.customer_id, firings.c.state)
        return self._rows(query.order_by(firings.c.fired_at, firings.c.firing_id))

    def timers(self) -> dict[tuple[str, str], float]:
        """In how many minutes each timer falls due."""
        query = select(timers.c.trigger_id, timers.c.customer_id, timers.c.due_at)
        now = to_micros(self.clock.now)
        return {(one, who): (due - now) / 6e7 for one, who, due in self._rows(query)}

    def states(self) -> list[str]:
        """The state of every delivery."""
        query = select(deliveries.c.state).order_by(deliveries.c.delivery_id)
        return [state for (state,) in self._rows(query)]

    def _rows(self, query: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]


def answer(
    named: str, customer_id: str, now: datetime, action_id: str = "mail", **action: Any
) -> dict[str, Any]:
    """What ``/rank`` answers."""
    return {
        "decision_id": f"d-{named}"[:40],
        "customer_id": customer_id,
        "as_of": iso(now),
        "actions": [
            {
                "action_id": action_id,
                "channel": "none" if action_id == "none" else "email",
                "treatment": "standard",
                "tone": "plain",
                "content_type": "text",
                "items": [],
                "send_at": iso(now),
                "expires_at": iso(now + timedelta(days=2)),
                "score": 1.0,
                "propensity": 1.0,
                "terms": {},
                **action,
            }
        ],
        "experiment": None,
        "models": {},
    }


def counted(rows: Sequence[tuple[str, str, str]], state: str) -> int:
    """How many firings are in a state."""
    return sum(one[2] == state for one in rows)
