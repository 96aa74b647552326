from pathlib import Path

import pytest

from cli.steps import Steps, digest_of
from retain.errors import Conflict, UnreadableFile

SOURCE = {"simulated_customers": 1_000}


def test_a_finished_step_is_known_to_the_next_run(tmp_path: Path) -> None:
    Steps(tmp_path, SOURCE).finish("import", "2026-01-01T00:00:00Z")
    again = Steps(tmp_path, SOURCE)
    assert again.done("import")
    assert again.left("import") == "2026-01-01T00:00:00Z"
    assert not again.done("train")


def test_a_demo_that_was_killed_early_is_still_this_demo(tmp_path: Path) -> None:
    Steps(tmp_path, SOURCE).begin()
    assert Steps(tmp_path, SOURCE).begun


def test_one_home_holds_one_demo(tmp_path: Path) -> None:
    Steps(tmp_path, SOURCE).begin()
    with pytest.raises(Conflict, match="other data") as raised:
        Steps(tmp_path, {"simulated_customers": 2_000})
    assert "--home" in raised.value.remedy


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    assert not Steps(tmp_path / "home", SOURCE).begun
    assert list(tmp_path.iterdir()) == []


def test_the_same_bytes_are_the_same_data_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "b.csv").write_text("x")
    assert digest_of(tmp_path / "a.csv") == digest_of(tmp_path / "b.csv")


def test_a_folder_is_other_data_when_a_file_changes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    before = digest_of(tmp_path)
    (tmp_path / "a.csv").write_text("y")
    assert digest_of(tmp_path) != before


def test_a_file_that_is_not_there_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as raised:
        digest_of(tmp_path / "missing.csv")
    assert raised.value.field == "--data"
