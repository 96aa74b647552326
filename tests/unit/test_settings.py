"""What the environment says, and what it must not."""

from pathlib import Path

import pytest

from retain.errors import InvalidInput
from retain.settings import from_json, load, worker_count

HOME = Path("/srv/shop")


def test_online_features_are_in_a_file_of_the_home_unless_a_url_says_otherwise() -> None:
    assert load({}, home=HOME).online_url == "sqlite:////srv/shop/feast/packed.db"
    given = "redis://:secret@cache:6380/2"
    assert load({"RETAIN_ONLINE_URL": given}, home=HOME).online_url == given


@pytest.mark.parametrize("url", ["redis://h", "rediss://u:p@h:1/0", "redis://h/", "sqlite:///a.db"])
def test_a_url_of_redis_or_sqlite_is_taken(url: str) -> None:
    assert load({"RETAIN_ONLINE_URL": url}, home=HOME).online_url == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://secret@h/db",
        "redis",
        "redis:///0",
        "redis://h:secret",
        "redis://h:70000",
        "redis://h/db",
        "sqlite://",
        "sqlite://h/a.db",
        "/srv/packed.db",
    ],
)
def test_any_other_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidInput, match="RETAIN_ONLINE_URL") as error:
        load({"RETAIN_ONLINE_URL": url}, home=HOME)
    assert "redis://" in error.value.remedy
    assert "secret" not in error.value.message + error.value.remedy


def test_features_live_thirty_days_unless_told_otherwise() -> None:
    assert load({}, home=HOME).feature_ttl_days == 30
    assert load({"RETAIN_FEATURE_TTL_DAYS": "0.5"}, home=HOME).feature_ttl_days == 0.5


@pytest.mark.parametrize("days", ["-1", "nan", "inf", "a month", "1e9"])
def test_an_impossible_time_to_live_is_refused(days: str) -> None:
    with pytest.raises(InvalidInput, match="days"):
        load({"RETAIN_FEATURE_TTL_DAYS": days}, home=HOME)


def test_what_is_not_stored_is_computed_unless_told_never_to() -> None:
    assert load({}, home=HOME).recompute
    assert not load({"RETAIN_RECOMPUTE": "never"}, home=HOME).recompute
    with pytest.raises(InvalidInput, match="RETAIN_RECOMPUTE"):
        load({"RETAIN_RECOMPUTE": "no"}, home=HOME)


def test_receipts_are_written_apart_where_there_are_cores_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for there, apart in ((1.0, False), (1.5, True), (8.0, True)):
        monkeypatch.setattr("retain.settings.cores", lambda there=there: there)
        assert load({}, home=HOME).receipts_apart is apart
        assert load({"RETAIN_RECEIPTS": "process"}, home=HOME).receipts_apart
        assert not load({"RETAIN_RECEIPTS": "thread"}, home=HOME).receipts_apart
    with pytest.raises(InvalidInput, match="RETAIN_RECEIPTS"):
        load({"RETAIN_RECEIPTS": "both"}, home=HOME)


def test_settings_are_the_same_in_the_process_they_are_sent_to(tmp_path: Path) -> None:
    given = {"RETAIN_AS_OF": "2024-03-01T12:00:00Z", "RETAIN_ONLINE_URL": "redis://:pass@cache:1/2"}
    sent = load(given, home=tmp_path)
    assert from_json(sent.to_json()) == sent
    assert from_json(load({}, home=tmp_path).to_json()).as_of is None


def test_the_limits_of_the_service_are_whole_numbers_in_their_ranges() -> None:
    assert load({"RETAIN_TIMEOUT_MS": "250"}, home=HOME).timeout_ms == 250
    assert load({"RETAIN_IN_FLIGHT": ""}, home=HOME).in_flight == load({}, home=HOME).in_flight
    for name in ("TIMEOUT_MS", "IN_FLIGHT", "BACKLOG_MS", "DRAIN_SECONDS"):
        for given in ("0", "-1", "1.5", "a while", "9999999"):
            with pytest.raises(InvalidInput) as caught:
                load({f"RETAIN_{name}": given}, home=HOME)
            assert caught.value.field == f"RETAIN_{name}"


def test_the_number_of_workers_is_a_whole_one_or_not_said() -> None:
    assert worker_count({}) is worker_count({"RETAIN_WORKERS": ""}) is None
    assert worker_count({"RETAIN_WORKERS": "4"}) == 4
    for given in ("0", "-1", "1.5", "many", "9999"):
        with pytest.raises(InvalidInput, match="RETAIN_WORKERS"):
            worker_count({"RETAIN_WORKERS": given})


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:////srv/retain/retain.db", "/srv/retain/retain.db"),
        ("sqlite+pysqlite:///retain.db?timeout=5", "retain.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:///file:retain.db?uri=true", None),
        ("postgresql://localhost/retain", None),
        ("postgresql:///retain", None),
    ],
)
def test_the_file_of_a_database_is_known_where_it_is_one(url: str, file: str | None) -> None:
    found = load({"RETAIN_DATABASE_URL": url}).database_file
    assert found == (None if file is None else Path(file))
