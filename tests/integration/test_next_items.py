"""Next items end to end on a small simulated home: trained, promoted, answered, in stock."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import select

from feature_repo.source import OfflineSource
from retain import artefacts, champions, manifest, settings, simulator
from retain.database import connect, reading
from retain.eventlog import EventLog, events
from retain.features.reader import LogReader
from retain.features.sheet import Sheet
from retain.ledger import Ledger
from retain.manifest import Manifest, TrainingWindow
from retain.products import PRODUCT_SCHEMA, Products
from retain.scoring import Scorer
from retain.segments import Segmenter, load
from retain.settings import PROJECT_CONFIG
from retain.stock import Stock
from services import answers
from tests.tiny_home import AS_OF, EDGES, promote_tiny_champions
from training import cutoffs, items, registry

HORIZON_DAYS = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    found = settings.load({}, home=tmp_path_factory.mktemp("home"))
    log = EventLog(connect(found.database_url))
    for block in simulator.simulate(350, seed=11):
        log.append(block)
    promote_tiny_champions(found)
    source = OfflineSource(found, AS_OF)
    plan = cutoffs.plan(source.span()[0], AS_OF, HORIZON_DAYS)
    head = items.train(
        items.read(source, plan, AS_OF, HORIZON_DAYS, 7, left_out={"nobody"}), HORIZON_DAYS, 7
    )
    described = Manifest(
        head="next_items",
        features=head.features,
        horizon_days=HORIZON_DAYS,
        training=TrainingWindow(as_of=AS_OF),
        parameters=head.parameters,
    )
    sealed = registry.register(found.bentoml_home, described, head.files)
    Ledger(connect(found.database_url)).promote(
        "next_items", sealed.version, by="a test", reason="a test", evidence={}
    )
    return found


@pytest.fixture(scope="module")
def loaded(made):
    return champions.load(Ledger(connect(made.database_url)), made.bentoml_home)


@pytest.fixture
def feed(made):
    return Products(connect(made.database_url))


def scorer(made, loaded) -> Scorer:
    segmenter = Segmenter(load(PROJECT_CONFIG / "segments.yaml"), EDGES)
    return Scorer(loaded, segmenter, Stock(Products(connect(made.database_url))))


def customers(made, count=40):
    query = select(events.c.customer_id).where(events.c.type == "order_completed").distinct()
    with reading(connect(made.database_url)) as connection:
        return sorted(connection.scalars(query))[:count]


def scored(made, loaded, ids, as_of=AS_OF):
    table = LogReader(EventLog(connect(made.database_url))).read(ids, as_of).table
    return scorer(made, loaded).score(Sheet.of(table))


def objects(made, loaded, ids, as_of=AS_OF):
    scores = scored(made, loaded, ids, as_of)
    manifests = loaded.manifests
    return answers.next_purchase(
        scores, manifests["next_purchase"], manifests["next_items"], scores.suggestions
    )


def test_every_file_of_the_model_has_its_digest(made, loaded) -> None:
    sealed = loaded.manifests["next_items"]
    folder = artefacts.folder(made.bentoml_home, "next_items", sealed.version)
    assert set(sealed.files) == {"model.txt", "items.json"}
    assert manifest.read(folder) == sealed


def test_products_and_categories_are_told_the_likeliest_first(made, loaded) -> None:
    for one in objects(made, loaded, customers(made)):
        scores = [each["score"] for each in one["next_products"]]
        assert len(scores) == 10
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score < 1 for score in scores)
        shares = [each["score"] for each in one["next_categories"]]
        assert len(shares) == 5
        assert shares == sorted(shares, reverse=True)
        assert one["items_model"] == loaded.manifests["next_items"].name


def test_one_customer_is_answered_as_many_are(made, loaded) -> None:
    ids = customers(made)
    assert objects(made, loaded, ids) == [objects(made, loaded, [one])[0] for one in ids]


def test_what_is_sold_out_at_the_moment_is_left_out_and_not_before(made, loaded, feed) -> None:
    [one] = customers(made, 1)
    before = objects(made, loaded, [one])[0]["next_products"]
    gone = before[0]["product_id"]
    row = {"product_id": gone, "price": 5.0, "in_stock": False, "at": AS_OF}
    feed.append(pa.Table.from_pylist([row], schema=PRODUCT_SCHEMA))
    now = [each["product_id"] for each in objects(made, loaded, [one])[0]["next_products"]]
    assert gone not in now
    assert now[:9] == [each["product_id"] for each in before[1:]]
    earlier = objects(made, loaded, [one], AS_OF - timedelta(seconds=1))[0]["next_products"]
    assert gone in [each["product_id"] for each in earlier]


def test_nobody_is_computed_who_is_not_asked_about(made, loaded, monkeypatch) -> None:
    scores = scored(made, loaded, customers(made, 5))
    asked = []
    own = loaded.next_items.score
    monkeypatch.setattr(
        type(loaded.next_items),
        "score",
        lambda _, columns, as_of, stock: asked.append(len(as_of)) or own(columns, as_of, stock),
    )
    assert asked == []
    scores.suggestions.items("replenishment", 2, 5)
    scores.suggestions.items("next_products", 2, 5)
    assert asked == [1]
    answers.next_purchase(scores, loaded.manifests["next_purchase"], suggested=scores.suggestions)
    assert asked == [1, 4]


def test_items_of_a_relation_are_of_that_relation(made, loaded) -> None:
    ids = customers(made)
    scores = scored(made, loaded, ids)
    bought = scores.columns["bought_products"]
    for row in range(len(ids)):
        own = {entry.split(" ", 2)[2] for entry in bought[row]}
        assert set(scores.suggestions.items("replenishment", row, 5)) <= own
        assert not own & set(scores.suggestions.items("complements", row, 5))
        assert not own & set(scores.suggestions.items("upgrades", row, 5))


def test_who_withdrew_consent_is_suggested_nothing(made, loaded) -> None:
    scores = scored(made, loaded, customers(made, 2))
    allowed = np.array([False, True])
    suggested = type(scores.suggestions)(
        loaded.next_items, scores.columns, scores.as_of, allowed, None
    )
    assert suggested.products(0) == []
    assert suggested.items("next_products", 0, 5) == []
    assert suggested.products(1)
