"""How many processors there are for this process."""

import os
from pathlib import Path

import pytest

from retain.cores import cores


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 4), ("150000 100000", 1.5), ("900000 100000", 4), ("nonsense", 4), ("1 0", 4)],
)
def test_a_control_group_allows_less_than_there_are(
    four: None, tmp_path: Path, limit: str, expected: float
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(limit + "\n")
    assert cores(file) == expected


def test_without_a_control_group_all_are_there(four: None, tmp_path: Path) -> None:
    assert cores(tmp_path / "none") == 4
