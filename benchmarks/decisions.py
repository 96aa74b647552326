"""What a decision costs: previewed as in /predict, and reserved and durable as in /rank.

Customers are made up, so that every rule of the catalogue has something to read; the catalogue is
the shipped one. Processor time is the least of several runs: on a busy machine everything else
measures the others. Wall time is the median, beside that of a bare commit of as many bytes, which
is what the disk takes of it.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from retain import champions
from retain.columns import ACTION_RULES, CONTEXT, Columns
from retain.database import connect, writing
from retain.decisions import catalogues
from retain.decisions.contacts import Contacts
from retain.decisions.context import Context, Session
from retain.decisions.exploration import Exploration
from retain.decisions.habits import of_base
from retain.decisions.hours import HOURS, Habits
from retain.decisions.ranking import Ranker, Ranking
from retain.decisions.store import Decisions
from retain.ledger import Ledger
from retain.settings import PROJECT_CONFIG, load

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ONSITE = Context(channel="web", device="mobile", page="product", session=Session(views=3.0))
POLICIES = (
    Exploration(),
    Exploration(method="epsilon_greedy"),
    Exploration(method="thompson"),
)


def customers(how_many: int, seed: int = 7) -> list[Columns]:
    """One row of every column each: texts that rules ask for, numbers of all sizes."""
    rng = np.random.default_rng(seed)
    texts = {
        "stage": ["use", "loyalty", "lapsing", "awareness"],
        "segment": ["champions", "at_risk", "about_to_sleep", "loyal_customers"],
        "ltv_tier": ["high", "medium", "low"],
        "time_zone": ["Europe/London", "Asia/Seoul", None],
    }
    lists = {
        "reachable_channels": [["email", "push"], ["email", "sms", "call"], []],
        "tags": [[], ["vip"], ["unhappy"]],
        "open_cart": [[], ["p1", "p2"]],
        "active_hours": [[f"{hour} {hour % 5 + 1}" for hour in range(0, HOURS, 8)], []],
        "channel_history": [["email opened 3", "email sent 10", "push sent 4"], []],
    }

    def value(name: str, kind: str) -> Any:
        if kind == "number":
            return float(rng.choice([np.nan, 0.0, 0.4, 1.0, 3.0, 25.0]))
        choices = texts.get(name, [None]) if kind == "text" else lists.get(name, [[]])
        return choices[rng.integers(len(choices))]

    made = []
    for _ in range(how_many):
        row = {}
        for name, kind in ACTION_RULES.items():
            if name not in CONTEXT:
                column = np.empty(1, dtype=np.float64 if kind == "number" else object)
                column[0] = value(name, kind)
                row[name] = column
        made.append(row)
    return made


def cheapest(work: Callable[[], object], times: int, repeats: int = 9) -> float:
    """Milliseconds of processor time of one call, the least of several runs."""
    least = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        for _ in range(times):
            work()
        least = min(least, (time.process_time() - started) / times)
    return 1e3 * least


def median(work: Callable[[], object], times: int) -> float:
    """Milliseconds on the clock of one call, the median."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return 1e3 * statistics.median(taken)


def over(rows: list[Columns]) -> Iterator[Columns]:
    """The rows, again and again."""
    while True:
        yield from rows


def measure(ranker: Ranker, rows: list[Columns], url: str, policy: Exploration) -> dict[str, float]:
    """Milliseconds by what was measured."""
    engine = connect(url)
    contacts, decisions = Contacts(engine, ranker.limiter), Decisions(engine)
    numbers, each = count(), over(rows)

    def ranking(context: Context | None = None) -> Ranking:
        whom = [f"{policy.method}-{next(numbers)}"]
        return ranker.rank(next(each), whom, now=NOW, context=context, exploration=policy)

    def chosen() -> object:
        return ranking().best(0, seed="seed").as_action()

    def preview() -> object:
        ranked = ranking()
        state = contacts.read(ranked.customer_ids, NOW).get(ranked.customer_ids[0])
        return decisions.preview(ranked, state=state).next_best_action()

    def reserve() -> object:
        return decisions.reserve(ranking(ONSITE), request={"benchmark": True})

    def commit() -> None:
        with writing(engine, alone="benchmark") as connection:
            connection.execute(
                text("UPDATE benchmark SET filler = :filler"), {"filler": f"{next(numbers):02000}"}
            )

    with writing(engine, alone="benchmark") as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS benchmark (filler VARCHAR)"))
        connection.execute(text("INSERT INTO benchmark VALUES ('')"))
    found = {
        "preview, decided": cheapest(chosen, 300),
        "preview, with contacts read": cheapest(preview, 200),
        "rank, reserved": cheapest(reserve, 50),
        "rank, reserved (clock)": median(reserve, 200),
        "a bare commit (clock)": median(commit, 200),
    }
    decisions.close()
    engine.dispose()
    return found


def many(ranker: Ranker, rows: list[Columns], how_many: int = 1_000) -> float:
    """Milliseconds of processor time per customer where many are decided for at once."""
    chosen = [rows[number % len(rows)] for number in range(how_many)]
    columns = {name: np.concatenate([row[name] for row in chosen]) for name in rows[0]}
    ids = [f"c{number}" for number in range(how_many)]

    def decide() -> None:
        ranking = ranker.rank(columns, ids, now=NOW)
        for row in range(how_many):
            ranking.best(row).as_action()

    return cheapest(decide, 1, 5) / how_many


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="take the response model and habits of this home")
    parser.add_argument("--database-url", help="measure on this database instead of SQLite")
    args = parser.parse_args()
    catalogue = catalogues.load(PROJECT_CONFIG / "actions.yaml")
    habits = Habits(tuple(float(hour % 24) for hour in range(HOURS)))
    response, preference = None, None
    if args.home:
        settings = load(home=args.home)
        of_home = champions.load(Ledger(connect(settings.database_url)), settings.bentoml_home)
        response = of_home.response
        habits, preference = of_base(of_home.manifests.get("rfm"))
    ranker = Ranker(catalogue, response, habits=habits, preference=preference)
    rows = customers(100)
    print(f"{len(catalogue.actions)} actions, uplift by {'model' if response else 'priors'}")
    print(f"{'milliseconds':<30}" + "".join(f"{policy.method:>16}" for policy in POLICIES))
    with tempfile.TemporaryDirectory() as folder:
        url = args.database_url or f"sqlite:///{folder}/decisions.db"
        measured = [measure(ranker, rows, url, policy) for policy in POLICIES]
    for name in measured[0]:
        print(f"{name:<30}" + "".join(f"{each[name]:>16.3f}" for each in measured))
    print(f"{'of 1,000 at once, each':<30}{many(ranker, rows):>16.3f}")


if __name__ == "__main__":
    main()
