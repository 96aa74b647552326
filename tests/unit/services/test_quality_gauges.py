"""What a look at the data measured, where the process that looks is not always the same."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from retain.quality.findings import Sample
from services.metrics.quality_gauges import series_in

LOOKS = """
import json, os, sys
from retain.quality.findings import Sample
from services.metrics import Metrics
metrics = Metrics()
for at, samples in json.loads(sys.argv[1]):
    metrics.quality([Sample(*one) for one in samples], at=at)
sys.stdout.write(metrics.render().decode())
"""
PSI = "retain_feature_psi"
STATE = "retain_event_state"


def drifted(feature: str, value: float) -> Sample:
    return Sample(PSI, {"feature": feature}, value)


def shown(folder: Path, *looks: tuple[float, list[Sample]]) -> dict[str, str]:
    """What ``/metrics`` has of quality once a process of its own has looked like this."""
    ended = subprocess.run(
        [sys.executable, "-c", LOOKS, json.dumps(looks)],
        env={"PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = rf"^({PSI}.*|{STATE}.*|retain_quality.*) (\S+)$"
    return dict(re.findall(wanted, ended.stdout, flags=re.MULTILINE))


def test_before_its_first_look_a_process_tells_what_was_seen_last_and_when(tmp_path) -> None:
    shown(tmp_path, (10.0, [drifted("a", 0.3)]))
    assert shown(tmp_path) == {
        f'{PSI}{{feature="a"}}': "0.3",
        "retain_quality_examined_timestamp_seconds": "10.0",
    }


def test_what_only_a_process_before_saw_is_gone_after_the_next_look(tmp_path) -> None:
    shown(tmp_path, (10.0, [drifted("a", 0.3), drifted("b", 0.9), Sample(STATE, {"type": "x"}, 2)]))
    after = {
        f'{PSI}{{feature="a"}}': "0.1",
        f'{PSI}{{feature="b"}}': "NaN",
        f'{STATE}{{type="x"}}': "NaN",
        "retain_quality_examined_timestamp_seconds": "20.0",
    }
    assert shown(tmp_path, (20.0, [drifted("a", 0.1)])) == after
    # and it stays so, whoever looks next
    again = shown(tmp_path, (30.0, [drifted("a", 0.1)]))
    assert again == {**after, "retain_quality_examined_timestamp_seconds": "30.0"}


def test_what_comes_back_is_shown_again(tmp_path) -> None:
    shown(tmp_path, (10.0, [drifted("b", 0.9)]))
    found = shown(tmp_path, (20.0, [drifted("a", 0.1)]), (30.0, [drifted("b", 0.2)]))
    assert found[f'{PSI}{{feature="a"}}'] == "NaN"
    assert found[f'{PSI}{{feature="b"}}'] == "0.2"


def test_a_new_folder_as_every_server_has_begins_without_any(tmp_path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    shown(old, (10.0, [drifted("a", 0.3)]))
    assert shown(new) == {}


@pytest.mark.parametrize("damage", [b"", b"\xff" * 64])
def test_a_file_that_cannot_be_read_keeps_nobody_from_looking(tmp_path, damage) -> None:
    (tmp_path / "gauge_mostrecent_1.db").write_bytes(damage)
    assert list(series_in(tmp_path)) == []


def test_without_a_folder_there_is_nobody_else() -> None:
    assert list(series_in(None)) == []
