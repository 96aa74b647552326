import json

import pytest

from retain.errors import InvalidInput
from retain.quality import thresholds
from retain.quality.findings import Finding, Findings, Sample, findings_of
from retain.settings import PROJECT_CONFIG

WARNING = Finding("warn", "bot", "c1", 900.0, 200.0, "customer c1 viewed 900 pages")
FAILURE = Finding("fail", "volume", "page_viewed", 0.0, 10.0, "page_viewed has stopped")


def test_nothing_found_is_ok():
    assert Findings().worst() == "ok"
    assert "nothing to report" in Findings().text()


def test_the_worst_comes_first():
    both = findings_of([WARNING]) + findings_of([FAILURE])
    assert both.worst() == "fail"
    assert [f.severity for f in both.findings] == ["fail", "warn"]


def test_the_text_has_one_line_for_each_finding():
    lines = findings_of([WARNING, FAILURE]).text().splitlines()
    assert lines[0].startswith("fail")
    assert lines[0].endswith("page_viewed has stopped")
    assert len(lines) == 2


def test_the_json_says_the_worst_and_every_number():
    content = json.loads(findings_of([WARNING]).to_json())
    assert content["worst"] == "warn"
    assert content["findings"][0]["value"] == 900.0


def test_metrics_count_findings_and_name_no_customer():
    sample = Sample("retain_events_last_day", {"type": "all"}, 12.0)
    metrics = findings_of([WARNING, WARNING, FAILURE], [sample]).metrics()
    assert sample in metrics
    counted = {tuple(m.labels.values()): m.value for m in metrics if m != sample}
    assert counted == {("bot", "warn"): 2.0, ("volume", "fail"): 1.0}
    assert "c1" not in str(metrics)


def test_the_thresholds_that_come_with_the_project_are_valid():
    assert thresholds.load(PROJECT_CONFIG).features.psi.fail == 0.25


@pytest.mark.parametrize(
    ("correct", "wrong"),
    [
        ("{warn: 0.1, fail: 0.25}", "{warn: 0.3, fail: 0.25}"),
        ("messages_sent_30d", "messages_sent_31d"),
        ("'(^|[^a-z])", "'((^|[^a-z])"),
        ("weeks: 8", "weeks: many"),
    ],
)
def test_a_wrong_threshold_is_refused_by_name(tmp_path, correct, wrong):
    text = (PROJECT_CONFIG / "quality.yaml").read_text("utf-8")
    assert correct in text
    (tmp_path / "quality.yaml").write_text(text.replace(correct, wrong, 1), "utf-8")
    with pytest.raises(InvalidInput, match=r"quality\.yaml"):
        thresholds.load(tmp_path)
