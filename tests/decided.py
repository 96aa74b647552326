"""Decisions of one customer over a small catalogue; importable by worker processes."""

from typing import Any

from retain.database import connect
from retain.decisions.ranking import Ranker, Ranking
from retain.decisions.store import Decisions
from tests.catalogues import NOW, action, catalogue, customers

CATALOGUE = catalogue(
    action("offer", lever=3, cap={"limit": 1, "days": 30}),
    action("mail", lever=2),
    action("push", channel="push"),
    action("must", transactional=True, eligibility=["failed"]),
    action("banner", channel="web", cap={"limit": 2, "days": 1}),
    rules={"failed": {"when": "payment_failed_recency_days < 1", "says": "payment failed"}},
    reachable_by_default=["email", "push"],
)


def ranking(customer_id: str = "c1", now: Any = NOW, context: Any = None, **row: Any) -> Ranking:
    return Ranker(CATALOGUE).rank(customers(row), [customer_id], now=now, context=context)


def ask(url: str, number: int, times: int, key: str | None = None) -> list[str]:
    """What one worker process does: reserve for one customer again and again."""
    engine = connect(url)
    decisions = Decisions(engine)
    made = [
        decisions.reserve(
            ranking(), request={"customer_id": "c1"}, idempotency_key=key and f"{key}-{turn}"
        )
        for turn in range(times)
    ]
    engine.dispose()
    return [f"{each.decision_id} {each.action_id}" for each in made]
