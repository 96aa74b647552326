"""How old a feature may be: computed again where that is possible, else named and left out."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from feature_repo.online import OnlineReader
from retain.database import connect
from retain.errors import InvalidInput
from retain.eventlog import EventLog
from retain.features.queries import VIEWS
from retain.features.reader import Features
from retain.scoring import Scores
from retain.settings import Settings
from services.composition import compose
from services.deciding import scorer
from services.refresher_process import RefresherProcess
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client

LATER = AS_OF + timedelta(days=30, microseconds=1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return make_home(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def customers(home: Settings) -> list[str]:
    return sorted(customers_of(EventLog(connect(home.database_url))))


def read(settings: Settings, customers: list[str], at: datetime) -> Features:
    reader = OnlineReader(settings, EventLog(connect(settings.database_url)))
    try:
        return reader.read(customers, at)
    finally:
        reader.close()


def scored(settings: Settings, features: Features) -> Scores:
    made = scorer(settings, connect(settings.database_url))
    return made.score(features.sheet, features.stale_views)


def test_what_is_too_old_is_computed_again_from_the_log(
    home: Settings, customers: list[str]
) -> None:
    found = read(home, customers, LATER)
    assert found.stale_views == {}
    assert set(found.features_as_of.values()) == {LATER}


def test_where_nothing_is_computed_stale_views_are_named_and_no_head_answers(
    home: Settings, customers: list[str]
) -> None:
    settings = replace(home, recompute=False)
    found = read(settings, customers, LATER)
    assert found.stale_views == {one: list(VIEWS) for one in customers}
    assert set(found.features_as_of.values()) == {AS_OF}
    assert found.table["orders_lifetime"].to_pylist() == [0.0] * len(customers)
    scores = scored(settings, found)
    for statuses in (scores.status, scores.churn_status, scores.purchase_status, scores.ltv_status):
        assert set(statuses) == {"stale_features"}
    assert np.isnan(scores.churn_probability).all()
    assert np.isnan(scores.ltv_value).all()


@pytest.mark.parametrize("days", [31, 0])
def test_within_its_time_to_live_a_stored_row_answers(
    home: Settings, customers: list[str], days: float
) -> None:
    settings = replace(home, recompute=False, feature_ttl_days=days)
    found = read(settings, customers, LATER)
    assert found.stale_views == {}
    assert set(found.features_as_of.values()) == {AS_OF}
    assert "ok" in scored(settings, found).ltv_status


def test_where_nothing_is_computed_nobody_unstored_is_known_and_no_past_is_told(
    home: Settings, customers: list[str]
) -> None:
    settings = replace(home, recompute=False)
    found = read(settings, ["nobody", customers[0]], AS_OF)
    assert found.unknown == ["nobody"]
    assert found.table["customer_id"].to_pylist() == customers[:1]
    with pytest.raises(InvalidInput) as error:
        read(settings, customers[:1], AS_OF - timedelta(days=1))
    assert error.value.field == "as_of"


def test_who_may_have_withdrawn_consent_unseen_gets_nothing_from_a_preview_nor_from_rank(
    home: Settings, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # nobody writes the rows anew while they are asked for
    monkeypatch.setattr(RefresherProcess, "start", lambda _: None)
    monkeypatch.setattr(RefresherProcess, "stop", lambda _: None)
    settings = replace(home, recompute=False, as_of=LATER)
    service = compose(settings)
    client = Client(service.application)
    try:
        for one in customers:
            answer = client.post("/predict", json={"customer_id": one}).json()
            assert answer["status"] == "stale_features"
            assert answer["segment"] == {
                "name": None,
                "priority": None,
                "stage": None,
                "tags": [],
            }
            assert answer["next_best_action"]["action_id"] == "none"
            ranked = client.post("/rank", json={"customer_id": one, "receipt": True}).json()
            assert [action["action_id"] for action in ranked["actions"]] == ["none"]
            removed = {each["action_id"]: each["removed_by"] for each in ranked["candidates"]}
            assert removed.pop("none") is None
            assert set(removed.values()) == {"stale_features"}
    finally:
        service.close()


def test_a_stale_view_that_tells_nothing_of_consent_leaves_the_decision_and_the_segment(
    home: Settings, customers: list[str]
) -> None:
    found = read(home, customers, AS_OF)
    for view, withheld in (("visits", False), ("profile", True), ("orders", True)):
        made = scored(home, replace(found, stale_views={customers[0]: [view]}))
        assert made.undecidable is not None
        assert made.undecidable.tolist() == [withheld] + [False] * (len(customers) - 1)
        assert (made.segments.names[0] is None) is withheld
        assert None not in made.segments.names[1:]
