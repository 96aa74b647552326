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
from retain.clock import from_micros, to_micros
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
        found = reader.read(customer, to_micros(LATER))
        if found is not None:
            scores = scorer.score(found.one, to_micros(LATER))
            made.scorer.segmenter.of_one(found.one)
            as_of = from_micros(found.features_as_of)
            suggested = suggesting.suggestions(scores)
            made.previews.of_one(customer, scores, LATER, as_of, suggested)
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


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_preview_that_was_carried_has_the_receipt_it_would_have_had(
    made: Deciding, previews: list[Preview]
) -> None:
    sent = [one for one in map(carried.carried, previews) if one is not None]
    load = carried.unpack(carried.pack(carried.Load(made.models, sent)))
    again = carried.put_down(load, made.arms.ranker_of)
    assert [pack(one.receipt()) for one in again] == [pack(one.receipt()) for one in previews]
    answers = [one.next_best_action() for one in previews]
    assert [one.next_best_action() for one in again] == answers
    arms = {one.evidence.experiments[0]["arm"] for one in again}
    assert arms == {"as_usual", "silent"}, "both arms are to be compared"
    assert any(one.state.contacts for one in again)


def test_the_recorder_writes_what_this_process_would_have_written(
    engine: Engine, recorder: Recorder, previews: list[Preview]
) -> None:
    assert recorder.record(previews[:1]) == previews[:1]
    assert recorder.runs is None, "it is started when there is enough to do"
    until(lambda: not recorder.record(previews))
    for preview in previews:
        assert stored(engine, preview) == preview.receipt()


def test_without_a_recorder_many_are_left_side_by_side(
    home: Settings, engine: Engine, made: Deciding, previews: list[Preview]
) -> None:
    alone = replace(home, receipts_apart=False)
    recorder = Recorder(alone, rankers(home, engine, made.scorer.champions), made.models)
    left = recorder.record(previews)
    assert [pack(one.receipt()) for one in left] == [pack(one.receipt()) for one in previews]
    assert len({id(one.ranking.columns) for one in left}) < len(left)
    assert recorder.runs is None
    recorder.stop()


def test_a_recorder_that_dies_leaves_its_previews_and_is_started_again(
    engine: Engine, recorder: Recorder, previews: list[Preview]
) -> None:
    recorder.start()
    until(lambda: not recorder.record(previews))
    first = recorder.runs
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: bool(recorder.record(previews)))
    until(lambda: not recorder.record(previews))
    assert recorder.runs != first


def test_a_recorder_with_another_catalogue_is_given_nothing(
    home: Settings, made: Deciding, engine: Engine, previews: list[Preview]
) -> None:
    other = Recorder(home, Rankers(made.arms, "another"), made.models)
    other.start()
    until(lambda: bool(other.record(previews)) and other.ended)
    assert not any(stored(engine, preview) for preview in previews)
    other.stop()


def test_what_is_left_to_write_is_written_here(
    made: Deciding, engine: Engine, previews: list[Preview]
) -> None:
    one, other, *_ = previews
    made.decisions.record_elsewhere(lambda given: given[1:])
    made.decisions._write([one, other])
    made.decisions.record_elsewhere(None)
    assert stored(engine, other) == other.receipt()
    assert stored(engine, one) is None
