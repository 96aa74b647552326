import socket
from pathlib import Path

import pytest

from cli import demo


def test_a_port_that_is_taken_is_said_before_any_work(retain, home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answered = retain("demo", "--port", str(port))
    assert answered.code == 1
    assert f"port {port} is taken" in answered.err
    assert not home.exists()


def test_data_without_a_format_is_refused(retain) -> None:
    answered = retain("demo", "--data", "shop.csv", "--no-serve")
    assert answered.code == 2
    assert "--format" in answered.err


def test_a_missing_file_is_said_in_one_line(retain, tmp_path: Path) -> None:
    answered = retain("demo", "--data", str(tmp_path / "no.csv"), "--format", "csv", "--no-serve")
    assert answered.code == 2
    assert answered.err.startswith("retain: --data: ")


@pytest.mark.parametrize(
    ("ltv", "shown"),
    [
        ({"status": "ok", "value": 3.0}, True),
        ({"status": "no_model", "value": None}, True),
        ({"status": "insufficient_data", "value": None}, False),
    ],
)
def test_an_answer_is_full_with_every_score_a_model_was_trained_for(ltv, shown) -> None:
    churn = {"status": "ok", "probability": 0.1}
    purchase = {"status": "ok", "probability_30d": 0.1}
    assert demo._is_full({"churn": churn, "next_purchase": purchase, "ltv": ltv}) is shown
