"""One customer, asked for alone: the short way answers what the long way does, or leaves it."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from feature_repo.held_over import HELD_OVER
from feature_repo.online import FRESH_WITHIN, OnlineReader
from feature_repo.online_many import many_reader
from feature_repo.online_one import OneReader
from retain import signals
from retain.clock import from_micros, iso, now, to_micros
from retain.database import connect
from retain.errors import StoreUnavailable
from retain.event import Event, read_event, to_table
from retain.eventlog import EventLog
from retain.one.scoring import OneScorer
from retain.one.suggesting import Suggesting
from retain.settings import Settings
from retain.signals import Signals
from services.deciding import deciding
from services.metrics import Metrics
from services.predictions import Predictions
from services.schemas.predictions import PARTS, PredictRequest
from services.single import Single
from services.single_objects import Objects
from tests.tiny_home import AS_OF, customers_of, make_home

LATER = AS_OF + timedelta(seconds=3)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Settings:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def log(home) -> EventLog:
    return EventLog(connect(home.database_url))


@pytest.fixture(scope="module")
def customers(log) -> list[str]:
    return sorted(customers_of(log))


@pytest.fixture(scope="module")
def reader(home, log) -> OneReader:
    made = OneReader.of(home, log)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def everything(home, log):
    metrics = Metrics()
    made = deciding(home, log.engine, metrics)
    manifests = {str(head): one for head, one in made.scorer.champions.manifests.items()}
    warn = Signals(signals.load(home.config))
    long = Predictions(
        reader=OnlineReader(home, log),
        scorer=made.scorer,
        signals=warn,
        explainer=None,
        previews=made.previews,
        manifests=manifests,
        clock=lambda: LATER,
        metrics=metrics,
    )
    single = Single(
        reader=OneReader.of(home, log),
        scorer=OneScorer(made.scorer.champions),
        segmenter=made.scorer.segmenter,
        objects=Objects(manifests, warn),
        suggests=Suggesting(made.scorer.champions.next_items, made.scorer.stock),
        previews=made.previews,
        clock=lambda: LATER,
        metrics=metrics,
    )
    yield single, long
    made.decisions.close()


def told(customer_id: str, kind: str, event_id: str, at: datetime, **fields) -> Event:
    given = {
        "event_id": event_id,
        "type": kind,
        "timestamp": at,
        "customer_id": customer_id,
        **fields,
    }
    read = read_event(given, at)
    assert isinstance(read, Event), read
    return read


def body(**asked) -> bytes:
    return json.dumps(asked).encode()


def answered(single: Single, **asked) -> dict:
    found = single.answer(body(**asked), None)
    assert found is not None
    answer = json.loads(found[0])
    assert found[2] == answer.get("next_best_action", {}).get("decision_id")
    return answer


def without_id(answer: dict) -> dict:
    decided = answer.get("next_best_action")
    return {**answer, "next_best_action": decided and {**decided, "decision_id": None}}


def scored(metrics: Metrics) -> dict[str, float]:
    """What is told of scores and of how many were asked for, but for sums in their last bit."""
    lines = metrics.render().decode().splitlines()
    told = [one.rsplit(" ", 1) for one in lines if one.startswith(("retain_score_", "retain_bat"))]
    return {name: round(float(value), 6) for name, value in told if "_created" not in name}


def grown(metrics: Metrics, ask: Callable[[], object]) -> dict[str, float]:
    before = scored(metrics)
    ask()
    after = scored(metrics)
    changed = {name: round(value - before.get(name, 0.0), 6) for name, value in after.items()}
    return {name: value for name, value in changed.items() if value}


def test_scores_of_one_are_counted_as_by_the_long_way(everything, customers):
    single, long = everything
    counts = set()
    for one in customers[:20]:
        asked = body(customer_id=one, include=["churn", "next_purchase", "ltv"])
        if single.answer(asked, None) is None:
            continue
        shortly = grown(single._metrics, lambda asked=asked: single.answer(asked, None))
        request = PredictRequest.model_validate_json(asked)
        at_length = grown(long._metrics, lambda request=request: long.predict(request))
        assert shortly == pytest.approx(at_length, abs=1e-4)
        counts |= {name for name in shortly if "_count" in name}
    assert any("churn" in name for name in counts)
    assert any("batch" in name for name in counts)


def test_features_of_one_are_those_of_the_long_way(home, log, reader, customers):
    long = OnlineReader(home, log)
    moment = to_micros(LATER)
    read = 0
    for one in customers:
        found = reader.read(one, moment)
        if found is None:
            continue
        read += 1
        features = long.read([one], LATER)
        for name, column in features.sheet.columns.items():
            own = column.item(0)
            assert found.one[name] == own or (own != own and np.isnan(found.one[name])), name  # noqa: PLR0124
        assert found.features_as_of == to_micros(features.features_as_of[one])
    assert read > len(customers) / 2


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"include": ["churn"]},
        {"include": ["ltv", "next_purchase"], "next_items": False},
        {"include": ["segment"]},
        {"include": ["next_best_action"]},
        {"language": "ko", "include": ["churn"]},
        {"include": []},
    ],
)
def test_answers_of_one_are_those_of_the_long_way(everything, customers, asked):
    single, long = everything
    seen = 0
    for one in customers:
        found = single.answer(body(customer_id=one, **asked), None)
        if found is None:
            continue
        seen += 1
        usual = long.predict(PredictRequest(customer_id=one, **asked))
        answer = json.loads(found[0])
        assert without_id(answer) == without_id(json.loads(json.dumps(usual)))
        assert list(answer) == list(usual)
    assert seen > len(customers) / 2


def test_a_list_is_answered_as_its_customers_alone(everything, customers):
    single, long = everything
    many = long.predict(PredictRequest(customer_ids=customers, include=list(PARTS)))["predictions"]
    for one, among in zip(customers, many, strict=True):
        found = single.answer(body(customer_id=one), None)
        if found is not None:
            own = json.loads(found[0])
            assert without_id(own) == without_id(json.loads(json.dumps(among)))


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b"{",
        b"[]",
        b'{"customer_id": 7}',
        b'{"customer_id": ""}',
        b'{"customer_id": "a\\u0000b"}',
        b'{"customer_id": "\\ud800"}',
        b'{"customer_id": "a", "nonsense": 1}',
        b'{"customer_id": "a", "include": ["everything"]}',
        b'{"customer_id": "a", "explain": true}',
        b'{"customer_id": "a", "as_of": "2026-01-01"}',
        b'{"customer_ids": ["a"]}',
        b'{"customer_id": "nobody has this id"}',
        body(customer_id="x" * 201),
        body(customer_id="a", include=["churn"] * 6),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_the_long_way(everything, asked):
    assert everything[0].answer(asked, None) is None


def test_the_languages_of_header_and_body_are_minded(everything, customers):
    single, _ = everything
    answer, asked, decision_id = single.answer(
        body(customer_id=customers[0], include=["churn"]), "ko"
    )
    assert asked.language is None
    assert decision_id is None
    assert json.loads(answer)["customer_id"] == customers[0]


@pytest.fixture
def own(tmp_path) -> tuple[Settings, EventLog, OnlineReader, OneReader]:
    made = make_home(tmp_path, customers=6)
    log = EventLog(connect(made.database_url))
    return made, log, OnlineReader(made, log), OneReader.of(made, log)


def holding(reader: OneReader, log: EventLog, moment: datetime) -> str:
    everybody = sorted(customers_of(log))
    return next(one for one in everybody if reader.read(one, to_micros(moment)) is not None)


def test_a_row_that_lacks_an_event_nobody_noticed_is_left(own):
    _, log, _, reader = own
    one = holding(reader, log, LATER)
    log.append(to_table([told(one, "page_viewed", "new", AS_OF + timedelta(seconds=1))]))
    assert reader.read(one, to_micros(LATER)) is None
    assert reader.read(one, to_micros(AS_OF)) is not None


def test_a_row_answers_for_a_while_although_an_event_waits_to_be_in_it(own):
    _, log, _, reader = own
    one = holding(reader, log, LATER)
    viewed = told(one, "page_viewed", "new", AS_OF + timedelta(seconds=1))
    log.append(to_table([viewed]), mark_pending=True)
    found = reader.read(one, to_micros(LATER))
    assert found is not None
    assert found.features_as_of < to_micros(LATER)
    reader._clock = lambda: now() + FRESH_WITHIN + timedelta(seconds=1)
    assert reader.read(one, to_micros(LATER)) is None


def test_a_row_answers_for_a_while_after_an_edge_has_passed_it(own):
    home, log, _, reader = own
    long = OnlineReader(home, log)
    one = holding(reader, log, LATER)
    edge = from_micros(int(long.ends([one], LATER)[0]))
    moment, end = edge + HELD_OVER / 2, edge + HELD_OVER
    for each in (reader, long):
        each._clock = lambda: moment
    short = reader.read(one, to_micros(moment))
    many = long.parts([one], moment)[0]
    slow = long.read([one], moment)
    assert short.features_as_of < to_micros(edge)
    assert many.features_as_of == slow.features_as_of == {one: from_micros(short.features_as_of)}
    assert np.array_equal(many.sheet.columns.numbers[0], short.one.vector, equal_nan=True)
    assert slow.table.column("as_of").to_pylist() == [moment]
    # who asks about the past, or after a while, has it computed
    for at, present in ((moment, moment + timedelta(minutes=1)), (end, end)):
        for each in (reader, long):
            each._clock = lambda present=present: present
        assert reader.read(one, to_micros(at)) is None
        assert long.read([one], at).features_as_of == {one: at}
    long.close()
    assert set(log.pending()) == {one}


def test_who_was_merged_into_another_is_left_and_who_has_visitors_is_not(own):
    _, log, long, reader = own
    one, other, *_ = [
        each for each in sorted(customers_of(log)) if reader.read(each, to_micros(LATER))
    ]
    at = AS_OF - timedelta(days=1)
    linked = told(one, "identify", "link", at, anonymous_id="v1")
    log.append(to_table([linked]))
    long.write([one], AS_OF)
    assert reader.read(one, to_micros(LATER)) is not None
    visit = told("", "page_viewed", "visit", AS_OF + timedelta(seconds=1), anonymous_id="v1")
    log.append(to_table([visit]))
    assert reader.read(one, to_micros(LATER)) is None
    into = {"linked_id": other, "link_type": "customer"}
    merged = told(one, "identity_linked", "merge", at, properties=into)
    log.append(to_table([merged]))
    assert reader.read(other, to_micros(LATER)) is None


def test_a_damaged_row_is_left_and_computed_by_the_long_way(own):
    made, log, long, reader = own
    one = holding(reader, log, LATER)
    with sqlite3.connect(made.online_url.removeprefix("sqlite:///")) as store:
        [(name,)] = store.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE 'packed retain %'"
        )
        store.execute(f'UPDATE "{name}" SET "view profile" = x\'00ff\' WHERE key = ?', (one,))
    assert reader.read(one, to_micros(LATER)) is None
    assert long.read([one], LATER).features_as_of == {one: LATER}
    parts = long.parts(sorted(customers_of(log)), LATER)
    assert sum(len(part.features_as_of) for part in parts) == len(customers_of(log))


def test_a_file_that_was_replaced_is_no_longer_read(own):
    made, log, _, reader = own
    one = holding(reader, log, LATER)
    database = made.home / "retain.db"
    database.rename(made.home / "gone.db")
    reader._files._looked_at_file = 0.0
    with pytest.raises(StoreUnavailable):
        reader.read(one, to_micros(LATER))


def test_many_are_read_in_one_statement_as_each_alone(home, log, reader, customers):
    many = many_reader(home, log)
    moment = to_micros(LATER)
    found = many.read([*customers, "nobody"], moment, moment, moment)
    alone = [one for one in customers if reader.read(one, moment) is not None]
    assert found.sheet.customer_ids == alone
    for row, one in enumerate(alone):
        own = reader.read(one, moment)
        assert np.array_equal(found.sheet.columns.numbers[row], own.one.vector, equal_nan=True)
        assert found.as_of[row] == own.features_as_of
        for name in ("withdrawn_purposes", "country", "last_products", "currency"):
            assert found.sheet.columns[name][row] == own.one[name]


def test_moments_are_told_as_everywhere(everything, customers):
    single, _ = everything
    answer = answered(single, customer_id=customers[0], include=[])
    assert answer["as_of"] == iso(LATER.astimezone(UTC))
