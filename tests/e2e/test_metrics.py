"""Metrics of two workers: queried by a real Prometheus, and right when a worker is killed."""

import contextlib
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from retain.clock import iso
from retain.settings import PROJECT_CONFIG
from tests.prometheus_server import Prometheus, prometheus
from tests.served import Served, clean_environment, served
from tests.tiny_home import AS_OF, make_home

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "observability" / "rules.yaml"
DASHBOARD = ROOT / "observability" / "dashboard.json"
GIVE_UP_AFTER_SECONDS = 180
IDS = [f"C000000{number}" for number in range(1, 6)]

# what a healthy service of tiny models, on a clock that stands still, says nothing about
RIGHTLY_EMPTY = {
    "ALERTS": "nothing is wrong",
    "retain_store_errors_total": "no store has failed",
    "retain_trigger_firings_total": "triggers do not fire where the clock stands still",
    "retain_deliveries_waiting": "triggers do not fire where the clock stands still",
    "retain_delivery_seconds_bucket": "triggers do not fire where the clock stands still",
    "retain_feature_psi": "tiny models keep no profile of what they were trained on",
    "retain_model_created_timestamp_seconds": "tiny models do not say when they were made",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Served]:
    """Two workers that have a look at the quality of their data every few seconds."""
    folder = tmp_path_factory.mktemp("service")
    config = folder / "config"
    shutil.copytree(PROJECT_CONFIG, config)
    quality = config / "quality.yaml"
    text, times = re.subn(r"every_minutes: \S+", "every_minutes: 0.05", quality.read_text("utf-8"))
    assert times == 1
    quality.write_text(text, "utf-8")
    home = make_home(tmp_path_factory.mktemp("home"))
    environment = clean_environment(
        RETAIN_HOME=str(home.home), RETAIN_AS_OF=iso(AS_OF), RETAIN_CONFIG=str(config)
    )
    command = [sys.executable, "-m", "services", "--workers", "2"]
    with served(command, folder, environment) as running:
        yield running


@pytest.fixture(scope="module")
def watching(service, tmp_path_factory) -> Iterator[Prometheus]:
    target = service.url.removeprefix("http://")
    with prometheus(tmp_path_factory.mktemp("prometheus"), target, RULES) as running:
        yield running


def text_of(service: Served) -> str:
    with urlopen(service.url + "/metrics", timeout=30) as response:
        return response.read().decode()


def counted(service: Served, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text_of(service), flags=re.MULTILINE)
    return float(found[1]) if found else 0.0


def ask_everything(service: Served, turn: int) -> None:
    assert service.ask("/predict", {"customer_id": IDS[0]})[0] == 200
    assert service.ask("/predict", {"customer_ids": IDS})[0] == 200
    assert service.ask("/predict", {"customer_id": "nobody"})[0] == 404
    status, decided = service.ask("/rank", {"customer_id": IDS[turn % len(IDS)]})
    assert status == 200
    told = {
        "feedback_id": f"f-{turn}",
        "decision_id": decided["decision_id"],
        "action_id": decided["actions"][0]["action_id"],
        "outcome": "sent",
    }
    service.ask("/feedback", told)
    event = {
        "event_id": f"m-{turn}",
        "type": "product_viewed",
        "customer_id": IDS[0],
        "timestamp": iso(AS_OF),
        "properties": {"product_id": "sku-1"},
    }
    assert service.ask("/events?wait=true", event)[0] == 200


def expressions() -> dict[str, str]:
    """Every query of the dashboard, by its panel, as Grafana sends it."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    found = {one["name"]: one["expr"] for one in dashboard["annotations"]["list"] if "expr" in one}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return {name: expr.replace("$__rate_interval", "1m") for name, expr in found.items()}


def is_rightly_empty(expression: str) -> bool:
    return any(name in expression for name in RIGHTLY_EMPTY)


def test_every_query_of_the_dashboard_and_every_rule_finds_data(service, watching) -> None:
    queries = expressions()
    assert len(queries) > 50
    # what rules compare: in a healthy service no comparison holds, but each has something to judge
    alerts = {
        name: name
        for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"]
        for rule in group["rules"]
        for name in re.findall(r"retain[_:][a-z0-9_:]+", rule["expr"])
    }
    waiting = {
        name: expr for name, expr in {**queries, **alerts}.items() if not is_rightly_empty(expr)
    }
    until = time.monotonic() + GIVE_UP_AFTER_SECONDS
    turn = 0
    while waiting and time.monotonic() < until:
        ask_everything(service, turn)
        turn += 1
        time.sleep(0.5)
        waiting = {name: expr for name, expr in waiting.items() if not watching.query(expr)}
    assert waiting == {}
    # those that are rightly empty are valid all the same
    for expression in queries.values():
        watching.query(expression)
    assert {rule["name"]: rule.get("lastError") for rule in watching.rules()} == {
        rule["name"]: None for rule in watching.rules()
    }
    assert all(rule["health"] == "ok" for rule in watching.rules())
    assert watching.query("ALERTS") == []


def test_no_customer_is_in_any_label(service) -> None:
    text = text_of(service)
    assert "retain_requests_total" in text
    assert not re.findall(r"C000000\d", text)


def test_each_worker_tells_of_both_and_a_killed_one_takes_no_count_with_it(service) -> None:
    series = 'retain_requests_total{route="/predict",status="200"}'
    before = counted(service, series)
    for _ in range(40):
        assert service.ask("/predict", {"customer_id": IDS[0]})[0] == 200
    expected = before + 40
    # every worker folds its own now and then; whoever is asked reads what all have written
    until = time.monotonic() + GIVE_UP_AFTER_SECONDS
    while counted(service, series) < expected and time.monotonic() < until:
        time.sleep(0.1)
    assert {counted(service, series) for _ in range(10)} == {expected}
    victim, other = sorted(workers(service))
    os.kill(victim, signal.SIGKILL)
    while workers(service) <= {victim, other} and time.monotonic() < until:
        time.sleep(0.1)
        assert still(service, series) in (None, expected)
    while victim in workers(service) | workers_shown(service) and time.monotonic() < until:
        time.sleep(0.1)
    service.wait_until_ready()
    assert counted(service, series) == expected
    for _ in range(40):
        assert service.ask("/predict", {"customer_id": IDS[0]})[0] == 200
    while counted(service, series) < expected + 40 and time.monotonic() < until:
        time.sleep(0.1)
    assert counted(service, series) == expected + 40
    # the memory of the dead is nobody's; a new one tells of its own
    while len(workers_shown(service)) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    assert workers_shown(service) == workers(service)


def still(service: Served, series: str) -> float | None:
    """What a series says, None while nobody answers."""
    try:
        return counted(service, series)
    except OSError:
        return None


def workers_shown(service: Served) -> set[int]:
    found = re.findall(
        r'^retain_process_resident_memory_bytes\{pid="(\d+)",process="worker"\}',
        text_of(service),
        flags=re.MULTILINE,
    )
    return {int(one) for one in found}


def workers(service: Served) -> set[int]:
    found = set()
    for task in Path(f"/proc/{service.process.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if b"worker.service" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.add(int(child))
    return found
