"""The alert rules: checked and tested by Prometheus' own tool, each with a runbook."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "observability" / "rules.yaml"
GUIDE = "docs/guides/observability.md"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not here; Debian's package is prometheus"
)


def alerts() -> list[dict]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def promtool(*arguments: str) -> str:
    run = subprocess.run(
        ["promtool", *arguments],
        cwd=RULES.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@needs_promtool
def test_promtool_finds_no_fault_with_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", RULES.name)


@needs_promtool
def test_every_alert_fires_where_it_should_and_only_there() -> None:
    tests = sorted(path.name for path in RULES.parent.glob("*_test.yaml"))
    assert "SUCCESS" in promtool("test", "rules", *tests)


def test_every_alert_is_tested_both_ways() -> None:
    fires, rests = set(), set()
    for path in RULES.parent.glob("*_test.yaml"):
        for one in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for expected in one["alert_rule_test"]:
                (fires if expected["exp_alerts"] else rests).add(expected["alertname"])
    assert fires == rests == {one["alert"] for one in alerts()}


@pytest.mark.parametrize("alert", alerts(), ids=lambda one: one["alert"])
def test_an_alert_says_what_happened_and_where_to_read_on(alert) -> None:
    told = alert["annotations"]
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert told["summary"]
    assert told["description"].endswith(".")
    guide, anchor = told["runbook"].split("#")
    assert guide == GUIDE
    headings = re.findall(r"^#+ (.+)$", (ROOT / GUIDE).read_text("utf-8"), flags=re.MULTILINE)
    assert anchor in [heading.lower().replace(" ", "-") for heading in headings]
