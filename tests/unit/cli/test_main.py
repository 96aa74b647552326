import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from cli.main import app
from retain.clock import now
from retain.database import connect
from retain.event import read_event, to_table
from retain.eventlog import EventLog
from retain.settings import load

HEAVY = {"pyarrow", "sqlalchemy", "feast", "bentoml", "lightgbm", "pandas", "numpy", "sklearn"}
PUBLIC = {
    "keys add",
    "keys list",
    "keys revoke",
    "keys rotate",
    "import",
    "simulate",
    "features build",
    "features materialize",
    "train",
    "report",
    "models list",
    "models show",
    "models promote",
    "models rollback",
    "models history",
    "score",
    "serve",
    "doctor",
    "experiments list",
    "experiments report",
    "experiments shift",
    "experiments size",
    "policy evaluate",
    "demo",
    "deliveries list",
    "deliveries resend",
    "identity show",
    "identity merge",
    "identity unmerge",
}


def commands() -> dict[str, object]:
    found: dict[str, object] = {}
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {n}": c for n, c in inner.items()} if inner else {name: command}
    return found


def test_the_public_commands_are_all_there() -> None:
    assert set(commands()) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_command_shows_an_example_of_itself(name: str) -> None:
    assert f"Example: retain {name}" in commands()[name].help


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_help_is_not_an_error(retain, name: str) -> None:
    answered = retain(*name.split(), "--help")
    assert answered.code == 0
    assert "Example" in answered.out


def test_asking_for_help_imports_nothing_heavy() -> None:
    program = f"import sys, cli.main; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_invalid_input_is_exit_code_2_with_a_remedy(retain) -> None:
    answered = retain("models", "show", "chrun")
    assert answered.code == 2
    assert answered.err == (
        "retain: there is no head 'chrun'\n"
        "  remedy: one of: churn, next_purchase, ltv, response, next_items, rfm\n"
    )


def test_a_failed_operation_is_exit_code_1_with_a_remedy(retain) -> None:
    answered = retain("models", "show", "churn")
    assert answered.code == 1
    assert "remedy: run `retain train`" in answered.err


def test_a_time_that_is_none_names_its_option(retain) -> None:
    answered = retain("serve", "--as-of", "yesterday")
    assert answered.code == 2
    assert answered.err.startswith("retain: --as-of: 'yesterday' is not an ISO 8601 time")


@pytest.mark.parametrize(
    "words", [("train",), ("score", "--out", "s.parquet"), ("features", "build")]
)
def test_an_empty_home_is_said_to_be_empty(retain, home: Path, words: tuple[str, ...]) -> None:
    answered = retain(*words)
    assert answered.code == 1
    assert "holds no events yet" in answered.err
    assert "retain import" in answered.err
    assert not home.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("serve",),
        ("models", "list"),
        ("models", "history"),
        ("deliveries", "list"),
        ("keys", "list"),
        ("keys", "revoke", "4hq7c2mb"),
        ("keys", "rotate", "4hq7c2mb"),
    ],
)
def test_a_home_whose_name_was_mistyped_is_not_made(
    retain, home: Path, words: tuple[str, ...]
) -> None:
    retain(*words)
    assert not home.exists()


def test_a_service_without_a_home_says_which_and_how_to_name_another(retain, home: Path) -> None:
    answered = retain("serve")
    assert answered.code == 1
    assert answered.err.startswith(f"retain: nothing to serve: there is no {home}")
    assert "RETAIN_HOME" in answered.err


def test_an_endpoint_that_is_no_url_stops_the_start_before_anything_is_made(
    retain, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")
    answered = retain("serve")
    assert answered.code == 2
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in answered.err
    assert not home.exists()


def test_a_moment_long_after_the_last_event_has_to_be_named(retain, home: Path) -> None:
    log = EventLog(connect(load({}, home=home).database_url))
    record = {"type": "page_viewed", "customer_id": "ada", "timestamp": "2015-09-18T02:51:41Z"}
    log.append(to_table([read_event(record, now())]))
    for command in (["train"], ["features", "build"], ["score", "--out", str(home / "s.parquet")]):
        answered = retain(*command)
        assert answered.code == 2
        assert "--as-of 2015-09-18T02:51:41Z" in answered.err
