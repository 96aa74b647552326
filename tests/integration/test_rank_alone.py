"""``POST /rank`` of one customer whose row holds: decided as who is read among many."""

from datetime import timedelta

import pytest

from feature_repo.online import OnlineReader
from feature_repo.online_one import OneReader
from retain.database import connect
from retain.decisions.receipt import Decision, write_receipt
from retain.decisions.store import NO_STATE
from retain.eventlog import EventLog
from services.deciding import deciding
from services.metrics import Metrics
from services.rank_body import of
from services.ranking import Ranking
from services.schemas.ranking import RankRequest
from tests.tiny_home import AS_OF, customers_of, make_home

LATER = AS_OF + timedelta(seconds=3)
CONTEXTS = [
    None,
    {},
    {"channel": "web"},
    {"channel": "app", "page": "cart", "session": {"cart_items": 2, "cart_value": 50.5}},
    {"device": "mobile", "place": {"country": "GB"}, "local_time": LATER.isoformat()},
    {"channel": "call", "session": {"source": "search", "views": 4, "seconds": 12}},
]


class Unlimited:
    """Reserves whatever is the best, and has reserved nothing before."""

    def reserve(self, ranking, *, limit, evidence, **_):
        ranking.prepare(0, limit)
        written = write_receipt("d-1", ranking, 0, NO_STATE, evidence, limit=limit, reserved=True)
        return Decision(written)

    def get(self, decision_id: str) -> dict:
        raise NotImplementedError

    replay = get


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("home"))
    log = EventLog(connect(home.database_url))
    made, metrics = deciding(home, log.engine, Metrics()), Metrics()
    left = []

    def ranking(**further) -> Ranking:
        return Ranking(
            reader=OnlineReader(home, log),
            scorer=made.scorer,
            arms=made.arms,
            decisions=Unlimited(),
            popular=made.scorer.popular,
            models=made.models,
            clock=lambda: LATER,
            metrics=metrics,
            **further,
        )

    quick = made.ranking(
        OnlineReader(home, log), lambda: LATER, metrics, alone=OneReader.of(home, log)
    )._knows

    def knows(customer_id, now):
        found = quick(customer_id, now)
        left.append(found is None)
        return found

    yield ranking(knows=knows), ranking(), sorted(customers_of(log)), left
    made.close()


@pytest.mark.parametrize("context", CONTEXTS)
def test_who_is_read_alone_is_decided_for_with_the_receipt_of_who_is_read_among_many(
    both, context
) -> None:
    short, long, customers, left = both
    left.clear()
    for one in customers:
        request = RankRequest(customer_id=one, context=context, limit=20, receipt=True)
        assert short.rank(of(request), None) == long.rank(of(request), None)
    assert sum(left) < len(customers) / 2


def test_who_nobody_knows_and_a_visitor_are_left_to_the_long_way(both) -> None:
    short, long, _, left = both
    left.clear()
    for whom in ({"customer_id": "nobody"}, {"anonymous_id": "v"}):
        request = of(RankRequest(receipt=True, **whom))
        assert short.rank(request, None) == long.rank(request, None)
    assert left == [True]
