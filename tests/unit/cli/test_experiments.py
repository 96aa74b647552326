import json
import shutil
from pathlib import Path

import pytest
import yaml

from retain.settings import PROJECT_CONFIG
from tests.experiments import arm, experiment


@pytest.fixture
def declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def write(*experiments: dict) -> None:
        folder = tmp_path / "config"
        shutil.copytree(PROJECT_CONFIG, folder)
        content = {"layers": ["offers"], "experiments": list(experiments)}
        (folder / "experiments.yaml").write_text(yaml.safe_dump(content), "utf-8")
        monkeypatch.setenv("RETAIN_CONFIG", str(folder))

    return write


COUPONS = experiment(arms=[arm("control", 0.5), arm("other", 0.5)])


def test_nothing_is_declared_as_it_is_shipped(retain) -> None:
    answered = retain("experiments", "list")
    assert answered.code == 0
    assert "config/experiments.yaml shows how" in answered.out


def test_declared_experiments_are_listed_with_the_customers_they_need(retain, declare) -> None:
    declare(COUPONS)
    [row] = json.loads(retain("experiments", "list", "--json").out)
    assert row["experiment"] == "coupons"
    assert row["arms"] == "control 50%, other 50%"
    # 14,751 in each arm for one look at 10 % against 11 % (Fleiss), and less than twice that daily
    assert 1.8 < row["required"] / (2 * 14_751) < 2


def test_a_size_needs_no_data_where_everything_is_named(retain, home) -> None:
    words = ["--baseline", "0.05", "--lift", "0.2", "--per-day", "500", "--json"]
    answered = retain("experiments", "size", *words)
    assert answered.code == 0, answered.err
    found = json.loads(answered.out)
    assert found["fixed"] == 16_316
    assert found["arms"]["control"] == found["arms"]["treatment"] > found["fixed"] / 2
    assert found["days"] == pytest.approx(found["always_valid"] / 500 + 14)


def test_a_declared_design_is_sized_and_may_be_asked_about_otherwise(retain, declare) -> None:
    declare(COUPONS)
    declared = json.loads(retain("experiments", "size", "coupons", "--per-day", "9", "--json").out)
    words = ("--lift", "0.2", "--per-day", "9", "--json")
    wider = json.loads(retain("experiments", "size", "coupons", *words).out)
    assert declared["design"]["minimum_lift"] == 0.1
    assert wider["always_valid"] < declared["always_valid"] / 3


def test_a_baseline_that_is_no_share_is_refused(retain) -> None:
    answered = retain("experiments", "size", "--baseline", "5")
    assert answered.code == 2
    assert answered.err.startswith("retain: baseline_conversion: ")


def test_a_name_that_is_not_declared_is_answered_with_what_is_near(retain, declare) -> None:
    declare(COUPONS)
    answered = retain("experiments", "report", "coupon")
    assert answered.code == 1
    assert "did you mean 'coupons'?" in answered.err


def test_only_a_bandit_shifts(retain, declare) -> None:
    declare(COUPONS)
    answered = retain("experiments", "shift", "coupons")
    assert answered.code == 2
    assert "its shares are fixed" in answered.err


def test_a_mistake_in_the_file_is_said_with_what_to_do(retain, declare) -> None:
    declare(experiment(arms=[arm("a", 0.5), arm("b", 0.4)]))
    answered = retain("experiments", "list")
    assert answered.code == 2
    assert "they must be 1" in answered.err
    assert "experiments.yaml" in answered.err
