"""The next items on public data and on a simulated shop, against both dumb rules.

Sources: "Online Retail II", D. Chen, UCI Machine Learning Repository (CC BY 4.0);
Retailrocket, via a public research repository (non-commercial: tests only).
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_repo.source import OfflineSource
from retain import settings, simulator
from retain.database import connect
from retain.eventlog import EventLog
from retain.importers import import_file
from training import cutoffs, items
from training.head import FittedHead

DATA = settings.load().data
ONLINE_RETAIL = DATA / "online_retail_2009_2011.parquet"
RETAILROCKET = DATA / "retailrocket_events.parquet"
needs_data = pytest.mark.skipif(
    not ONLINE_RETAIL.exists(), reason="the public files are not in RETAIN_DATA"
)


def trained(made: settings.Settings, as_of: datetime, horizon_days: int) -> FittedHead:
    source = OfflineSource(made, as_of)
    plan = cutoffs.plan(source.span()[0], as_of, horizon_days)
    return items.train(items.read(source, plan, as_of, horizon_days, 7), horizon_days, 7)


def imported(home: Path, file: Path, format_name: str) -> settings.Settings:
    made = settings.load({}, home=home)
    import_file(file, format_name, EventLog(connect(made.database_url)), made.imports)
    return made


def gained(head: FittedHead, rule: str, metric: str) -> float:
    """The lower end of the interval of the paired difference."""
    return head.baselines[f"difference.{rule}.{metric}"].low


@needs_data
def test_online_retail_is_told_better_than_by_repeating_and_than_by_popularity(tmp_path) -> None:
    made = imported(tmp_path, ONLINE_RETAIL, "online-retail")
    head = trained(made, datetime(2011, 6, 9, tzinfo=UTC), 90)
    assert head.beats_baseline
    for metric in ("recall_at_10", "ndcg_at_10", "category_recall_at_10"):
        assert gained(head, "most_frequent", metric) > 0
        assert gained(head, "popular", metric) > 0
    assert gained(head, "most_bought", "category_recall_at_3") > 0
    assert head.metrics["product_calibration_error"].value < 0.02
    assert head.metrics["category_calibration_error"].value < 0.03
    # more than any reader of the past could reach would be a leak
    assert 0.15 < head.metrics["recall_at_10"].value < 0.35


@needs_data
def test_views_and_carts_alone_tell_more_than_popularity_on_retailrocket(tmp_path) -> None:
    made = imported(tmp_path, RETAILROCKET, "retailrocket")
    head = trained(made, datetime(2015, 9, 18, tzinfo=UTC), 30)
    assert gained(head, "popular", "recall_at_10") > 0
    assert head.parameters["categories"] == 0
    assert any("next_categories stays empty" in note for note in head.notes)


def test_a_simulated_shops_staples_are_found(tmp_path) -> None:
    made = settings.load({}, home=tmp_path)
    log = EventLog(connect(made.database_url))
    for events in simulator.simulate(1_500, seed=11):
        log.append(events)
    head = trained(made, datetime(2026, 10, 31, tzinfo=UTC), 90)
    assert head.beats_baseline
    for rule in ("most_frequent", "popular"):
        assert gained(head, rule, "category_recall_at_10") > 0
    assert head.metrics["product_calibration_error"].value < 0.03
