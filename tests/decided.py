"""Decisions of one customer over a small catalogue; importable by worker processes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
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

CROWDED = catalogue(
    action("offer", lever=4, contact_cost=1, tags=["discount"], cap={"limit": 1, "days": 1}),
    action("text", channel="sms", lever=3, message="hello", valid_hours=2),
    action("push", channel="push", lever=2, message="hello", valid_hours=2),
    action("mail", lever=0.5, valid_hours=2),
    contact_cap=[{"limit": 2, "days": 1}, {"limit": 4, "days": 3}],
    channel_caps={"sms": {"limit": 1, "days": 2}},
    tag_caps={"discount": {"limit": 2, "days": 7}},
    exclusions={"loud": {"days": 1, "actions": ["offer", "text"]}},
    budget=[{"count": 4, "per": "day"}, {"amount": 5}],
    reachable_by_default=["email", "sms", "push"],
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


def crowd(url: str, number: int, threads: int, times: int) -> list[tuple[str, str]]:
    """What one process of many clients does; keys and decisions, every other key another's too."""
    engine = connect(url)
    decisions, ranker = Decisions(engine), Ranker(CROWDED)

    def client(thread: int) -> list[tuple[str, str]]:
        made = []
        for turn in range(times):
            now, whom = NOW + timedelta(hours=9 * turn), f"c{turn % 3}"
            key = f"{turn}-{thread if turn % 2 else (number, thread)}"
            ranking = ranker.rank(customers({}), [whom], now=now)
            made.append((f"{whom} {key}", decisions.reserve(
                ranking, request={"turn": turn}, idempotency_key=key
            ).decision_id))  # fmt: skip
        return made

    with ThreadPoolExecutor(threads) as pool:
        found = [each for made in pool.map(client, range(threads)) for each in made]
    engine.dispose()
    return found
