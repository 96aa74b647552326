"""Receipts of previews that another process writes are those this one would have written."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from sqlalchemy import Engine

from feature_repo.online_one import OneReader
from retain.clock import to_micros
from retain.database import connect, reading, writing
from retain.decisions import contacts
from retain.decisions.previews import Preview
from retain.decisions.receipt_text import pack
from retain.decisions.store import find
from retain.eventlog import EventLog
from retain.one import carried
from retain.one.scoring import OneScorer
from retain.one.suggesting import Suggesting
from retain.settings import PROJECT_CONFIG, Settings
from services.deciding import Deciding, deciding
from services.metrics import Metrics
from services.rankers import Rankers, rankers
from services.recorder import BUSY, Recorder
from tests.experiments import arm, experiment
from tests.tiny_home import AS_OF, HEADS, customers_of, make_home

LATER = AS_OF + timedelta(seconds=3)
ARMS = [arm("as_usual", 0.5), arm("silent", 0.5, nothing=True)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("home")
    shutil.copytree(PROJECT_CONFIG, folder / "config")
    running = experiment("silence", start="2020-01-01", arms=ARMS)
    declared = {"layers": ["offers"], "experiments": [running]}
    (folder / "config" / "experiments.yaml").write_text(yaml.safe_dump(declared), "utf-8")
    return replace(
        make_home(folder, heads=(*HEADS, "response")), config=folder / "config", receipts_apart=True
    )


@pytest.fixture(scope="module")
def engine(home: Settings) -> Iterator[Engine]:
    made = connect(home.database_url)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def made(home: Settings, engine: Engine) -> Iterator[Deciding]:
    found = deciding(home, engine, Metrics())
    yield found
    found.close()


@pytest.fixture
def previews(
    home: Settings, engine: Engine, made: Deciding, monkeypatch: pytest.MonkeyPatch
) -> list[Preview]:
    """Of every customer who is answered on the event loop; nothing of them is written."""
    kept: list[Preview] = []
    monkeypatch.setattr(made.decisions, "record_preview", kept.append)
    log = EventLog(engine)
    customers = sorted(customers_of(log))
    told(engine, customers[0])
    reader = OneReader.of(home, log)
    assert reader is not None
    scorer = OneScorer(made.scorer.champions)
    suggesting = Suggesting(made.scorer.champions.next_items, made.scorer.stock)
    for customer in customers:
        found = reader.read(customer, to_micros(LATER), with_contacts=True)
        if found is not None:
            scores = scorer.score(found.one, to_micros(LATER))
            made.scorer.segmenter.of_one(found.one)
            suggested = suggesting.suggestions(scores)
            made.previews.of_one(customer, scores, LATER, found, suggested)
    assert len(kept) > BUSY
    return kept


def told(engine: Engine, customer: str) -> None:
    with writing(engine) as connection:
        if find(connection, "d") is None and not contacts.states(connection, [customer], LATER):
            contacts.plan(
                connection,
                "d",
                "winback_offer_email",
                channel="email",
                customer_id=customer,
                at=LATER - timedelta(days=1),
                made_at=LATER - timedelta(days=2),
                outcomes={"sent": LATER - timedelta(days=1)},
            )


@pytest.fixture
def recorder(home: Settings, engine: Engine, made: Deciding) -> Iterator[Recorder]:
    found = Recorder(home, rankers(home, engine, made.scorer.champions), made.models)
    yield found
    found.stop()


def stored(engine: Engine, preview: Preview) -> dict | None:
    with reading(engine) as connection:
        return find(connection, preview.decision_id)


def parcels(previews: list[Preview]) -> list[bytes]:
    return [one for one in map(carried.parcel, previews) if one is not None]


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_preview_that_was_carried_has_the_receipt_it_would_have_had(
    made: Deciding, previews: list[Preview]
) -> None:
    again = made.recorder.open(parcels(previews))
    assert [pack(one.receipt()) for one in again] == [pack(one.receipt()) for one in previews]
    answers = [one.next_best_action() for one in previews]
    assert [one.next_best_action() for one in again] == answers
    arms = {one.evidence.experiments[0]["arm"] for one in again}
    assert arms == {"as_usual", "silent"}, "both arms are to be compared"
    assert any(one.state.contacts for one in again)


def test_a_preview_among_many_is_not_carried(previews: list[Preview]) -> None:
    other = replace(previews[0], ranking=replace(previews[0].ranking, known=None))
    assert carried.parcel(other) is None


def test_the_recorder_writes_what_this_process_would_have_written(
    engine: Engine, recorder: Recorder, previews: list[Preview]
) -> None:
    given = parcels(previews)
    assert not recorder.write(given[:1])
    assert recorder.runs is None, "it is started when there is enough to do"
    until(lambda: recorder.write(given))
    for preview in previews:
        assert stored(engine, preview) == preview.receipt()


def test_where_there_may_be_no_recorder_none_is_started(
    home: Settings, engine: Engine, made: Deciding, previews: list[Preview]
) -> None:
    alone = replace(home, receipts_apart=False)
    recorder = Recorder(alone, rankers(home, engine, made.scorer.champions), made.models)
    assert not recorder.write(parcels(previews))
    assert recorder.runs is None
    recorder.stop()


def test_a_recorder_that_dies_leaves_its_previews_and_is_started_again(
    recorder: Recorder, previews: list[Preview]
) -> None:
    given = parcels(previews)
    until(lambda: recorder.write(given))
    first = recorder.runs
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: not recorder.write(given))
    until(lambda: recorder.write(given))
    assert recorder.runs != first


def test_a_recorder_that_has_hardly_begun_is_not_ended_by_what_the_service_is_told(
    recorder: Recorder, previews: list[Preview], caplog: pytest.LogCaptureFixture
) -> None:
    given = parcels(previews)
    assert not recorder.write(given)
    until(lambda: recorder.runs is not None)
    first = recorder.runs
    assert first is not None
    for one in (signal.SIGTERM, signal.SIGINT):
        os.kill(first, one)
    until(lambda: recorder.write(given))
    assert recorder.runs == first
    recorder.stop()
    assert not [one for one in caplog.records if one.name == "retain.service"]


def test_a_recorder_with_another_catalogue_is_given_nothing(
    home: Settings, made: Deciding, engine: Engine, previews: list[Preview]
) -> None:
    other = Recorder(home, Rankers(made.arms, "another"), made.models)
    given = parcels(previews)
    until(lambda: not other.write(given) and other.ended)
    assert not any(stored(engine, preview) for preview in previews)
    other.stop()


def test_previews_are_found_while_they_wait_and_written_here_without_a_recorder(
    home: Settings, engine: Engine, previews: list[Preview], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retain.write_behind.PAUSE_SECONDS", 60)
    mine = deciding(replace(home, receipts_apart=False), engine, Metrics())
    for preview in previews:
        mine.decisions.record_preview(preview)
    for preview in previews[:5]:
        assert mine.decisions.get(preview.decision_id) == preview.receipt()
        assert stored(engine, preview) is None
    mine.close()
    for preview in previews:
        assert stored(engine, preview) == preview.receipt()
