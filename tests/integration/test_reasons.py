"""Reasons and signals of a real service over a simulated shop, in both languages."""

import re

import numpy as np
import pytest

from retain import signals
from retain.database import connect
from retain.eventlog import EventLog
from retain.features.matrix import to_matrix
from retain.features.reader import LogReader
from retain.features.sheet import Sheet
from retain.reasons import HEADS, Explainer
from retain.reasons.bands import BANDS
from retain.settings import Settings
from retain.signals import Signals
from services.composition import compose
from services.deciding import scorer
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client

HANGUL = re.compile(r"[가-힣]")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Settings:
    return make_home(tmp_path_factory.mktemp("home"), customers=50)


@pytest.fixture(scope="module")
def client(home: Settings):
    service = compose(home)
    yield Client(service.application)
    service.close()


@pytest.fixture(scope="module")
def customers(home: Settings) -> list[str]:
    return sorted(customers_of(EventLog(connect(home.database_url))))[:50]


def predict(client, customers, **asked) -> list[dict]:
    response = client.post("/predict", json={"customer_ids": customers, **asked})
    assert response.status_code == 200, response.text
    return response.json()["predictions"]


def without_reasons(answer: dict) -> dict:
    told = {name: value for name, value in answer.items() if name != "next_best_action"}
    return {**told, "reasons": []}


def test_an_explained_answer_is_the_same_answer_with_reasons(client, customers) -> None:
    plain = predict(client, customers)
    explained = predict(client, customers, explain=True)
    assert [without_reasons(one) for one in plain] == [without_reasons(one) for one in explained]
    assert all(one["reasons"] == [] for one in plain)
    assert sum(bool(one["reasons"]) for one in explained) > 20


def test_reasons_are_given_exactly_where_a_score_is_told(client, customers) -> None:
    for answer in predict(client, customers, explain=True):
        told = {head for head in HEADS if answer[head]["status"] == "ok"}
        assert {one["head"] for one in answer["reasons"]} <= told
        assert bool(answer["reasons"]) == bool(told)


def test_both_languages_give_the_same_reasons_and_signals_in_other_words(client, customers) -> None:
    english = predict(client, customers, explain=True, language="en")
    korean = predict(client, customers, explain=True, language="ko")
    seen = 0
    for one, other in zip(english, korean, strict=True):
        for ours, theirs in (
            (one["reasons"], other["reasons"]),
            (one["churn"]["signals"], other["churn"]["signals"]),
        ):
            seen += len(ours)
            strip = [{k: v for k, v in each.items() if k != "text"} for each in ours]
            assert strip == [{k: v for k, v in each.items() if k != "text"} for each in theirs]
            assert not any(HANGUL.search(each["text"]) for each in ours)
            assert all(HANGUL.search(each["text"]) for each in theirs)
    assert seen > 40


def test_what_the_service_tells_is_what_a_batch_would_tell(home, client, customers) -> None:
    engine = connect(home.database_url)
    scoring = scorer(home, engine)
    table = LogReader(EventLog(engine)).read(customers, AS_OF).table
    scores = scoring.score(Sheet.of(table))
    reasons = Explainer.of(scoring.champions).explain(scores, HEADS, "en")
    warnings = Signals(signals.load(home.config)).find(scores.columns, scores.as_of)
    answered = {one["customer_id"]: one for one in predict(client, customers, explain=True)}
    for row, customer_id in enumerate(scores.customer_ids):
        told = answered[customer_id]
        assert [one["text"] for one in told["reasons"]] == [one.text for one in reasons[row]]
        if told["churn"]["status"] not in ("no_consent", "stale_features"):
            codes = [one["code"] for one in told["churn"]["signals"]]
            assert codes == [one.code for one in warnings[row]]


def test_the_parts_of_every_score_sum_to_the_score_that_was_told(home, customers) -> None:
    engine = connect(home.database_url)
    scoring = scorer(home, engine)
    table = LogReader(EventLog(engine)).read(customers, AS_OF).table
    scores = scoring.score(Sheet.of(table))
    rows = np.flatnonzero(~np.isnan(scores.ltv_value))
    ltv = scoring.champions.ltv
    matrix = to_matrix(scores.columns, ltv.manifest.features)[rows]
    log_value = ltv.contributions(matrix).score + ltv.season(matrix, scores.as_of[rows]).part
    assert len(rows) > 20
    np.testing.assert_allclose(np.exp(log_value), scores.ltv_value[rows], rtol=1e-9)


def test_the_published_bands_say_what_to_do(client) -> None:
    schema = client.get("/docs.json").json()["components"]["schemas"]["Churn"]
    assert all(f"`{band}`" in schema["properties"]["band"]["description"] for band in BANDS)
