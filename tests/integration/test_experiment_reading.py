"""From decisions, orders and messages to what an experiment found, on either store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retain.clock import iso
from retain.database import connect
from retain.decisions.feedback import Feedback
from retain.decisions.receipt import Evidence
from retain.decisions.store import Decisions
from retain.errors import NotEnoughData
from retain.event import to_table
from retain.eventlog import EventLog
from retain.experiments.assignment import Assigner
from retain.experiments.declaration import Experiment
from retain.experiments.shares import ShareBook
from retain.settings import Settings, load
from tests.decided import ranking
from tests.event_tables import event
from tests.experiments import arm, declared, experiment
from training.experiments import bandit, page, reading

START = datetime(2026, 11, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=40)
DAY = timedelta(days=1)
DECLARED = declared(
    experiment("coupons", arms=[arm("control", 0.5), arm("large", 0.5)], design={
        "baseline_conversion": 0.1, "minimum_lift": 0.1, "window_days": 10,
    })
)  # fmt: skip
COUPONS = DECLARED.config.experiments[0]


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Settings:
    return load({"RETAIN_DATABASE_URL": database_url}, home=tmp_path)


@pytest.fixture
def log(home: Settings) -> EventLog:
    return EventLog(connect(home.database_url))


def decide(home: Settings, customer_id: str, at: datetime, of=DECLARED, shares=None) -> str:
    """A decision as the service makes it; returns the arm."""
    [[one]] = Assigner(of, shares).assign({}, [customer_id], at)
    engine = connect(home.database_url)
    decisions = Decisions(engine)
    made = decisions.reserve(
        ranking(customer_id, now=at),
        request={},
        evidence=Evidence(experiments=(one.as_json(),)),
    )
    decisions.close()
    engine.dispose()
    return f"{one.arm} {made.decision_id} {made.action_id}"


def order(number: int, customer_id: str, at: datetime, total: float):
    return event(
        number,
        "order_completed",
        at,
        customer_id,
        {"order_id": f"{number}", "total": total, "currency": "GBP"},
    )


def store(log: EventLog, *events) -> None:
    log.append(to_table(events))


def rows(home: Settings, experiment: Experiment = COUPONS):
    analysis, _ = reading.analysed(home, experiment, AS_OF)
    exposed = analysis.exposures
    cells = [cell.name for cell in experiment.cells]
    return analysis, {
        one: cells[place]
        for one, place in zip(exposed.customer_id.tolist(), exposed.arm.tolist(), strict=True)
    }


def total(analysis, metric: str) -> float:
    sums = analysis.sums[metric]
    return float((sums.means[-1] * sums.customers[-1])[sums.customers[-1] > 0].sum())


def test_decisions_become_exposures_in_the_arms_they_were_made_in(home, log) -> None:
    store(log, event(1, "page_viewed", START, "c1"))
    told = {f"c{n}": decide(home, f"c{n}", START + DAY).split()[0] for n in range(1, 9)}
    decide(home, "c1", START + 5 * DAY)
    analysis, arms = rows(home)
    assert arms == told
    assert analysis.complete == 8


def test_orders_count_from_the_first_exposure_for_the_window_and_no_longer(home, log) -> None:
    for customer_id in ("c1", "c2", "c3", "c4"):
        decide(home, customer_id, START + DAY)
    decide(home, "late", AS_OF - 3 * DAY)
    store(
        log,
        order(1, "c1", START, 100.0),
        order(2, "c1", START + 2 * DAY, 10.0),
        order(3, "c2", START + 11 * DAY, 20.0),
        order(4, "c3", START + 12 * DAY, 40.0),
        order(5, "late", AS_OF - 2 * DAY, 80.0),
        event(6, "order_refunded", START + 3 * DAY, "c1", {"order_id": "2", "total": 4.0}),
    )
    analysis, _ = rows(home)
    assert len(analysis.exposures) == 5
    assert analysis.complete == 4
    assert total(analysis, "conversion") == pytest.approx(2)
    assert total(analysis, "revenue") == pytest.approx(26.0)
    assert total(analysis, "refunds") == pytest.approx(1)


def test_a_fact_told_as_event_and_as_feedback_counts_once(home, log) -> None:
    _, decision_id, action_id = decide(home, "c1", START + DAY).split()
    at = START + 2 * DAY
    ours = {"decision_id": decision_id, "action_id": action_id}
    store(
        log,
        event(1, "message_sent", at, "c1", ours),
        event(2, "message_unsubscribed", at, "c1", ours),
        event(3, "message_sent", at + DAY, "c1"),
    )
    told = [
        {**ours, "feedback_id": "f1", "outcome": "unsubscribed", "occurred_at": iso(at)},
        {**ours, "feedback_id": "f2", "outcome": "complained", "occurred_at": iso(at)},
        {**ours, "feedback_id": "f3", "outcome": "converted", "value": 7.0, "occurred_at": iso(at)},
    ]
    recorded = Feedback(connect(home.database_url), clock=lambda: AS_OF).record(told)
    assert {one.status for one in recorded} == {"accepted"}
    analysis, _ = rows(home)
    assert total(analysis, "unsubscribes") == pytest.approx(1)
    assert total(analysis, "complaints") == pytest.approx(1)
    assert total(analysis, "contacts") == pytest.approx(2)
    # no order came in as an event, so what feedback says counts
    assert total(analysis, "conversion") == pytest.approx(1)
    assert total(analysis, "revenue") == pytest.approx(7.0)


def test_what_another_system_showed_counts_as_exposure(home, log) -> None:
    store(
        log,
        event(
            1,
            "experiment_viewed",
            START + DAY,
            "c1",
            {"experiment_id": "coupons", "variant": "Large"},
        ),
        event(
            2,
            "experiment_viewed",
            START + DAY,
            "c2",
            {"experiment_id": "coupons", "variant": "odd"},
        ),
        event(
            3,
            "experiment_viewed",
            START + DAY,
            "c3",
            {"experiment_id": "other", "variant": "large"},
        ),
    )
    analysis, arms = rows(home)
    assert arms == {"c1": "large"}
    assert "odd (1)" in analysis.notes[0]


def test_an_experiment_nobody_was_exposed_to_is_said_to_be_so(home, log) -> None:
    store(log, event(1, "page_viewed", START, "c1"))
    with pytest.raises(NotEnoughData, match="nobody was exposed to coupons"):
        rows(home)


def test_a_merged_customer_is_one_and_has_the_orders_of_both_ids(home, log) -> None:
    decide(home, "c1", START + DAY)
    store(
        log,
        order(1, "c0", START + 2 * DAY, 30.0),
        event(
            2,
            "identity_linked",
            START + 3 * DAY,
            "c0",
            {"linked_id": "c1", "link_type": "customer"},
        ),
    )
    analysis, arms = rows(home)
    assert list(arms) == ["c0"]
    assert total(analysis, "revenue") == pytest.approx(30.0)


def test_a_bandit_shifts_and_its_periods_are_told_apart(home, log) -> None:
    of = declared(
        experiment("coupons", arms=[arm("control", 0.5), arm("large", 0.5)], bandit={"floor": 0.1},
                   design={"window_days": 5})
    )  # fmt: skip
    experiment_ = of.config.experiments[0]
    book = ShareBook(connect(home.database_url))
    ids = [f"c{n}" for n in range(30)]
    first = {one: decide(home, one, START + DAY, of, book.at).split()[0] for one in ids}
    store(
        log,
        *(
            order(n, one, START + 2 * DAY, 5.0)
            for n, one in enumerate(ids)
            if first[one] == "large"
        ),
    )
    analysis, _ = reading.analysed(home, experiment_, START + 10 * DAY)
    found = bandit.shift(["control", "large"], analysis.sums["conversion"], 0.1)
    assert found.shares["large"] == pytest.approx(0.9)
    since = START + 11 * DAY
    book.record(
        experiment_, found.shares, since=since, now=START + 10 * DAY, because=found.because()
    )
    second = {one: decide(home, one, since + DAY, of, book.at).split()[0] for one in ids}
    assert second != first
    analysis, shifts = reading.analysed(home, experiment_, AS_OF)
    assert len(analysis.exposures) == 60
    assert set(analysis.exposures.share.tolist()) == {0.5, *found.shares.values()}
    assert [one.since for one in shifts] == [since]
    assert "Shares of the arms over time" in page.render(analysis, shifts)
