"""A log that a running service wrote, judged: decide, tell what became of it, evaluate."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from retain.clock import iso
from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import PROJECT_CONFIG, Settings, load
from services.composition import compose
from tests.tiny_home import AS_OF, customers_of, make_home
from tests.unit.services.fakes import Client

LATER = AS_OF + timedelta(days=20)
EXPLORES = "exploration: {method: epsilon_greedy, epsilon: 0.6}\n"


class Served:
    """A service on one home at one moment."""

    def __init__(self, home: Path, environ: dict[str, str]) -> None:
        self._service = compose(load(environ, home=home))
        self._client = Client(self._service.application)

    def post(self, path: str, body) -> dict:
        response = self._client.post(path, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def close(self) -> None:
        self._service.close()


@pytest.fixture(scope="module")
def environ(tmp_path_factory) -> dict[str, str]:
    config = tmp_path_factory.mktemp("settings") / "config"
    shutil.copytree(PROJECT_CONFIG, config)
    actions = config / "actions.yaml"
    actions.write_text(EXPLORES + actions.read_text("utf-8"), "utf-8")
    return {"RETAIN_CONFIG": str(config)}


@pytest.fixture(scope="module")
def made(tmp_path_factory, environ) -> Settings:
    heads = ("churn", "next_purchase", "ltv", "response")
    return make_home(tmp_path_factory.mktemp("home") / "home", 90, heads, **environ)


@pytest.fixture(scope="module")
def told(made: Settings, environ) -> dict[str, list]:
    """540 decisions; every second customer orders; every sixteenth message was not sent."""
    whom = sorted(customers_of(EventLog(connect(made.database_url))))
    whom = (whom * (1 + 540 // len(whom)))[:540]
    serving = Served(made.home, {**environ, "RETAIN_AS_OF": iso(AS_OF)})
    decided = [serving.post("/rank", {"customer_id": one, "limit": 1}) for one in whom]
    serving.close()
    feedback, undone = [], set()
    for number, one in enumerate(decided):
        action_id = one["actions"][0]["action_id"]
        if action_id != "none":
            outcome = "sent" if number % 16 else "not_sent"
            undone |= {number} if outcome == "not_sent" else set()
            named = {"decision_id": one["decision_id"], "action_id": action_id}
            feedback.append({"feedback_id": f"f{number}", "outcome": outcome, **named})
    ordered = sorted(set(whom))[::2]
    orders = [
        {
            "event_id": f"after-{one}",
            "type": "order_completed",
            "customer_id": one,
            "timestamp": iso(AS_OF + timedelta(days=3)),
            "properties": {"order_id": f"after-{one}", "total": 40.0, "currency": "GBP"},
        }
        for one in ordered
    ]
    serving = Served(made.home, {**environ, "RETAIN_AS_OF": iso(LATER)})
    serving.post("/feedback", feedback)
    serving.post("/events", {"events": orders})
    serving.close()
    kept = [one for number, one in enumerate(decided) if number not in undone]
    return {"kept": kept, "undone": [decided[number] for number in undone], "ordered": ordered}


@pytest.fixture
def home(made: Settings, told, environ, monkeypatch) -> Path:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return made.home


def evaluated(retain, *words: str) -> dict:
    at = LATER.date().isoformat()
    answered = retain("policy", "evaluate", "--log", "decisions", "--as-of", at, "--json", *words)
    assert answered.code == 0, answered.err
    return json.loads(answered.out)


def test_a_log_that_a_service_wrote_is_judged_by_what_its_customers_did(retain, told) -> None:
    found = evaluated(retain)
    assert told["undone"]
    assert found["decisions"] == len(told["kept"])
    lines = {line["policy"]: line for line in found["policies"]}
    answered = [one["customer_id"] in told["ordered"] for one in told["kept"]]
    assert lines["logged"]["ips"]["value"] == pytest.approx(sum(answered) / len(answered))
    # every action that could be chosen was left to chance, so all can be spoken of
    assert {line["support"] for line in lines.values()} == {1.0}
    assert lines["do nothing"]["acts_on"] == 0.0
    assert found["champion"] is None or found["champion"].startswith("response:")
    assert any(line["model"] for line in lines.values())


def test_by_profit_who_was_left_alone_earns_what_they_bought(retain, told) -> None:
    found = evaluated(retain, "--reward", "profit", "--cost", "0", "--margin", "0.5")
    lines = {line["policy"]: line for line in found["policies"]}
    answered = [one["customer_id"] in told["ordered"] for one in told["kept"]]
    assert lines["logged"]["ips"]["value"] == pytest.approx(20.0 * sum(answered) / len(answered))
    assert lines["do nothing"]["snips"]["value"] > 0.0
