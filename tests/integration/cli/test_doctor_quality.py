"""`retain doctor` over a real home: quiet where all is well, exit 1 where scores would be wrong."""

import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retain import artefacts, manifest, settings
from retain.clock import iso
from retain.database import connect
from retain.event import to_table
from retain.eventlog import EventLog
from retain.exclusive import Exclusive
from retain.features.engine import FeatureEngine
from retain.ledger import Ledger
from retain.quality.features import snapshot
from retain.quality.profile import FILE_NAME
from services.metrics import Metrics
from services.quality import ChildLook, Watch
from tests.event_tables import changed, event, steady, with_events
from tests.tiny_models import write_model
from tests.tiny_shop import END, shop

MOMENT = iso(END)
MONTH = timedelta(days=30)


@pytest.fixture(scope="module")
def healthy() -> pa.Table:
    return with_events(shop(customers=600), steady(until=END, days=200))


@pytest.fixture(scope="module")
def profile(healthy):
    with FeatureEngine(healthy) as engine:
        tables = [engine.table(engine.customers(END - n * MONTH)) for n in (3, 2, 1)]
    return snapshot(pa.concat_tables(tables), ordered_within_days=365)


def fill(folder: Path, events: pa.Table, profile=None) -> settings.Settings:
    made = settings.load({}, home=folder)
    engine = connect(made.database_url)
    EventLog(engine).append(events)
    fitted = folder / "fitted"
    write_model(fitted, "churn")
    if profile is not None:
        profile.write(fitted)
    sealed = manifest.seal(fitted, manifest.read(fitted))
    stored = made.bentoml_home / "models" / artefacts.store_name("churn") / sealed.version
    stored.parent.mkdir(parents=True)
    fitted.rename(stored)
    assert (FILE_NAME in sealed.files) == (profile is not None)
    Ledger(engine).promote("churn", sealed.version, by="tests", reason="tiny", evidence={})
    return made


def examined(retain, *words: str):
    answered = retain("doctor", "--only", "quality", "--json", "--as-of", MOMENT, *words)
    told = json.loads(answered.out)
    fails = {
        (f["check"], f["subject"]) for f in told["quality"]["findings"] if f["severity"] == "fail"
    }
    return answered.code, fails, told


def test_a_healthy_home_exits_0_and_tells_every_type_and_feature(retain, home, healthy, profile):
    fill(home, healthy, profile)
    code, fails, told = examined(retain)
    assert (code, fails) == (0, set())
    assert told["quality"]["compared_with"].startswith("churn:")
    types = {row["name"]: row for row in told["quality"]["event_types"]}
    assert types["order_completed"]["volume"] > 0
    assert types["order_completed"]["range"]["maximum"] > 0
    assert types["page_viewed"]["age_seconds"] == 0
    features = {row["name"]: row for row in told["quality"]["features"]}
    assert features["net_spend_90d"]["psi"] is not None
    assert features["net_spend_90d"]["volume"] > 200


def test_orders_that_stop_arriving_are_a_failure(retain, home, healthy, profile):
    quiet = (END - timedelta(days=4)).isoformat()
    kept = f"SELECT * FROM events WHERE type <> 'order_completed' OR ts < TIMESTAMPTZ '{quiet}'"
    fill(home, changed(healthy, kept), profile)
    code, fails, told = examined(retain)
    assert code == 1
    assert told["state"] == "fail"
    assert {subject for _, subject in fails} == {"order_completed"}
    answered = retain("doctor", "--only", "quality", "--as-of", MOMENT)
    assert answered.code == 1
    assert "FAIL  order_completed" in answered.out
    assert "it has stopped" in answered.out


def test_a_drifted_feature_is_a_failure(retain, home, healthy, profile):
    dearer = """
        SELECT * REPLACE (CASE WHEN type = 'order_completed'
            THEN json_merge_patch(properties, json_object('total', 6 * (properties->>'total')::DOUBLE))
            ELSE properties END AS properties) FROM events
    """
    fill(home, changed(healthy, dearer), profile)
    code, fails, _ = examined(retain)
    assert code == 1
    assert ("drift", "average_order_value") in fails
    assert ("drift", "orders_90d") not in fails


def test_nulls_that_explode_are_a_failure(retain, home, healthy, profile):
    bare = """
        SELECT * REPLACE (CASE WHEN type = 'order_completed'
            THEN json_merge_patch(properties, '{"lines": null}') ELSE properties END AS properties)
        FROM events
    """
    fill(home, changed(healthy, bare), profile)
    code, fails, told = examined(retain)
    assert code == 1
    assert ("null_rate", "favourite_category") in fails
    row = next(r for r in told["quality"]["features"] if r["name"] == "favourite_category")
    assert (row["state"], row["null_rate"]) == ("fail", 1.0)


def test_a_champion_without_a_profile_answers_and_drift_cannot_be_told(retain, home, healthy):
    fill(home, healthy)
    code, fails, told = examined(retain)
    assert (code, fails) == (0, set())
    assert told["quality"]["compared_with"] is None
    assert any("drift cannot be told" in note for note in told["quality"]["notes"])
    assert {row["psi"] for row in told["quality"]["features"]} == {None}


def test_an_imported_history_is_judged_at_its_own_end_and_says_so(retain, home, healthy):
    imported = changed(
        healthy, "SELECT * REPLACE (ts + INTERVAL 400 DAY AS received_at) FROM events"
    )
    fill(home, imported)
    answered = retain("doctor", "--only", "quality")
    assert answered.code == 0
    assert f"Data quality at {MOMENT}" in answered.out
    assert "judged at their own end" in answered.out
    assert retain("doctor", "--only", "quality", "--as-of", "now").code == 1


def imported_as_it_is(retain, home: Path, healthy: pa.Table) -> EventLog:
    home.mkdir(parents=True, exist_ok=True)
    pq.write_table(healthy, home / "shop.parquet")
    assert retain("import", str(home / "shop.parquet"), "--format", "retain").code == 0
    return EventLog(connect(settings.load({}, home=home).database_url))


def test_an_import_is_a_history_also_where_its_rows_were_received_at_once(retain, home, healthy):
    imported_as_it_is(retain, home, healthy)
    answered = retain("doctor", "--only", "quality")
    assert answered.code == 0
    assert f"Data quality at {MOMENT}" in answered.out
    assert "judged at their own end" in answered.out


def test_a_log_that_was_imported_then_fed_and_fell_silent_is_a_failure(retain, home, healthy):
    log = imported_as_it_is(retain, home, healthy)
    log.append(to_table([event(1, "page_viewed", END + timedelta(minutes=1))]))
    answered = retain("doctor", "--only", "quality")
    assert answered.code == 1
    assert "judged at their own end" not in answered.out


def test_a_live_log_that_fell_silent_is_judged_by_the_real_clock(retain, home, healthy):
    fill(home, healthy)
    answered = retain("doctor", "--only", "quality")
    assert answered.code == 1
    assert "FAIL  freshness" in answered.out


def test_an_empty_home_has_nothing_to_examine(retain, home):
    answered = retain("doctor", "--only", "quality")
    assert answered.code == 0
    assert "holds no events yet" in answered.out


def test_the_service_shows_the_same_as_gauges_from_one_process_only(tmp_path, healthy, profile):
    made = fill(tmp_path / "home", healthy, profile)
    shown, engine = Metrics(), connect(made.database_url)

    def watch(look) -> Watch:
        turn = Exclusive(engine, "quality", made.home)
        return Watch(look=look, metrics=shown, turn=turn, every=timedelta(minutes=10))

    first = watch(ChildLook(made, lambda: END))
    second = watch(lambda: pytest.fail("it is another process's turn"))
    assert first.once()
    assert not second.once()
    text = shown.render().decode()
    for series in (
        'retain_event_state{type="order_completed"} 0.0',
        'retain_newest_event_age_seconds{type="page_viewed"} 0.0',
        'retain_feature_psi{feature="net_spend_90d"}',
        'retain_feature_null_rate{feature="favourite_category"}',
        'retain_feature_state{feature="net_spend_90d"} 0.0',
        "retain_quality_state ",
        "retain_quality_examined_timestamp_seconds",
    ):
        assert series in text
    assert "c0001" not in text
    first.stop()
    second.stop()


def test_a_look_that_fails_leaves_the_gauges_as_they_were(tmp_path, caplog):
    empty = settings.load({}, home=tmp_path / "home")
    connect(empty.database_url)
    assert ChildLook(empty, lambda: END)() == []
    assert "nothing to examine yet" in caplog.text
