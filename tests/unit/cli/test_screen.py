from pathlib import Path

import pytest

from cli.screen import pairs, say, shown, table


def test_a_line_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    say("churn:b: [bold]0.5[/bold] :smile:")
    assert capsys.readouterr().out == "churn:b: [bold]0.5[/bold] :smile:\n"


def test_away_from_a_terminal_a_table_is_not_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    table(["model", "reason"], [["churn:84267caa20fe", "x" * 120]])
    assert f"churn:84267caa20fe  {'x' * 120}" in capsys.readouterr().out


def test_what_is_not_there_is_blank(capsys: pytest.CaptureFixture[str]) -> None:
    table(["before"], [[None]])
    assert "None" not in capsys.readouterr().out


def test_names_and_values_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    pairs({"a": 1, "longer": 2})
    assert capsys.readouterr().out == "a       1\nlonger  2\n"


def test_a_path_below_the_current_folder_is_shown_as_the_reader_would_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / ".retain") == ".retain"
    assert shown(Path("/elsewhere")) == "/elsewhere"
