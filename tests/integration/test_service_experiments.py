"""The service with experiments declared: who is asked about, by any route, is in one arm."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from retain.database import connect
from retain.errors import InvalidInput
from retain.eventlog import EventLog
from retain.experiments.variants import EXPERIMENT_ARM
from retain.settings import PROJECT_CONFIG, Settings
from services.composition import compose
from tests.experiments import arm, experiment
from tests.tiny_home import customers_of, make_home
from tests.unit.services.fakes import Client

DECLARED = [
    experiment(
        "silence",
        start="2020-01-01",
        arms=[arm("as_usual", 0.5), arm("silent", 0.5, nothing=True)],
    ),
    experiment(
        "words",
        layer="wording",
        start="2020-01-01",
        traffic=[0.0, 0.7],
        arms=[arm("a", 0.5), arm("b", 0.5, tag_levers={"discount": 2})],
    ),
]


def declare(home: Settings, folder: Path, experiments: list[dict]) -> Settings:
    shutil.copytree(PROJECT_CONFIG, folder)
    content = {"layers": ["offers", "wording"], "experiments": experiments}
    (folder / "experiments.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return replace(home, config=folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("home")
    return declare(make_home(folder), folder / "config", DECLARED)


@pytest.fixture(scope="module")
def client(home: Settings) -> Iterator[Client]:
    service = compose(home)
    yield Client(service.application)
    service.close()


@pytest.fixture(scope="module")
def customers(home: Settings) -> list[str]:
    return sorted(customers_of(EventLog(connect(home.database_url))))


def rank(client: Client, **asked) -> dict:
    answered = client.post("/rank", json={"receipt": True, **asked})
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_a_decision_names_the_arms_it_was_made_in(client, customers) -> None:
    answers = [rank(client, customer_id=one) for one in customers]
    assert {one["experiment"]["arm"] for one in answers} == {"as_usual", "silent"}
    for one in answers:
        first = one["experiments"][0]
        assert first == {**one["experiment"], "share": 0.5}
        assert client.get(f"/decisions/{one['decision_id']}").json() == one
    assert {len(one["experiments"]) for one in answers} == {1, 2}


def test_a_customer_is_in_the_same_arm_whenever_and_however_it_is_asked(client, customers) -> None:
    for one in customers[:10]:
        made = rank(client, customer_id=one)
        again = rank(client, customer_id=one, context={"channel": "web", "page": "cart"})
        [predicted] = client.post("/predict", json={"customer_ids": [one]}).json()["predictions"]
        decision_id = predicted["next_best_action"]["decision_id"]
        preview = client.get(f"/decisions/{decision_id}").json()
        assert made["experiments"] == again["experiments"] == preview["experiments"]


def test_an_arm_of_nothing_does_nothing_and_says_why(client, customers) -> None:
    answers = [rank(client, customer_id=one) for one in customers]
    silent = [one for one in answers if one["experiment"]["arm"] == "silent"]
    assert {one["actions"][0]["action_id"] for one in silent} == {"none"}
    assert any(each["removed_by"] == EXPERIMENT_ARM for one in silent for each in one["candidates"])
    usual = [one for one in answers if one["experiment"]["arm"] == "as_usual"]
    assert not any(
        each["removed_by"] == EXPERIMENT_ARM for one in usual for each in one["candidates"]
    )


def test_many_at_once_are_in_the_arms_each_is_in_alone(client, customers) -> None:
    answered = client.post("/predict", json={"customer_ids": customers}).json()["predictions"]
    for one in answered[:10]:
        decision_id = one["next_best_action"]["decision_id"]
        together = client.get(f"/decisions/{decision_id}").json()
        alone = rank(client, customer_id=one["customer_id"])
        assert together["experiments"] == alone["experiments"]


def test_a_visitor_is_in_no_experiment(client) -> None:
    answer = rank(client, anonymous_id="visitor-1")
    assert answer["experiment"] is None
    assert answer["experiments"] == []


def test_a_customer_nobody_knows_is_in_one(client) -> None:
    assert rank(client, customer_id="never-seen")["experiment"] is not None


def test_a_wrong_declaration_stops_the_start_and_says_what_to_do(home, tmp_path) -> None:
    wrong = experiment("x", arms=[arm("a", 0.5), arm("b", 0.5, exclude_actions=["nothing_such"])])
    with pytest.raises(InvalidInput) as caught:
        compose(declare(home, tmp_path / "config", [wrong]))
    assert "nothing_such" in caught.value.message
