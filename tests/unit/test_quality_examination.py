from datetime import timedelta

import pyarrow.parquet as pq

from retain.event import to_table
from retain.features.engine import FeatureEngine
from retain.quality import thresholds
from retain.quality.examination import examine_events, examine_features
from retain.quality.features import snapshot
from retain.settings import PROJECT_CONFIG
from tests.event_tables import AS_OF, steady

THRESHOLDS = thresholds.load(PROJECT_CONFIG)


def test_a_day_partitioned_history_is_read_like_the_table(tmp_path):
    events = to_table([e for e in steady() if e.ts <= AS_OF - timedelta(days=2)])
    for day in {ts.date() for ts in events.column("ts").to_pylist()}:
        rows = [i for i, ts in enumerate(events.column("ts").to_pylist()) if ts.date() == day]
        (tmp_path / f"day={day}").mkdir()
        pq.write_table(events.take(rows), tmp_path / f"day={day}" / "part-1.parquet")
    stored = examine_events(str(tmp_path / "day=*" / "part-*.parquet"), AS_OF, THRESHOLDS)
    assert stored == examine_events(events, AS_OF, THRESHOLDS)
    assert stored.worst() == "fail"


def test_events_that_come_in_at_night_are_not_missed_by_day():
    events = to_table([e for e in steady() if e.ts <= AS_OF - timedelta(hours=30)])
    nightly = THRESHOLDS.volume.model_copy(update={"arrival_delay_hours": 36})
    patient = THRESHOLDS.model_copy(update={"volume": nightly})
    assert examine_events(events, AS_OF, THRESHOLDS).worst() == "fail"
    assert examine_events(events, AS_OF, patient).worst() == "ok"


def test_features_without_a_snapshot_are_profiled_only():
    with FeatureEngine(to_table(steady())) as engine:
        table = engine.table(engine.customers(AS_OF))
    found = examine_features(table, None, THRESHOLDS)
    assert found.worst() == "ok"
    assert {m.name for m in found.metrics()} >= {"retain_feature_rows", "retain_feature_null_rate"}


def test_a_snapshot_of_one_cutoff_is_the_profile_of_it():
    with FeatureEngine(to_table(steady())) as engine:
        table = engine.table(engine.customers(AS_OF))
    assert snapshot(table).usual_psi == {}
    assert examine_features(table, snapshot(table), THRESHOLDS).findings == ()
