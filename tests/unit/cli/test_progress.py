import pytest

from cli.progress import counter, stages


def test_away_from_a_terminal_each_stage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as report:
        report("history", 0, 10)
        report("history", 10, 10)
        report("features", 1, 1)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("history: ")
    assert second.startswith("features: ")


def test_progress_never_mixes_with_answers(capsys: pytest.CaptureFixture[str]) -> None:
    with counter("import") as report:
        report(1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("import: ")
