import json
from datetime import timedelta

import pytest

from retain.clock import now
from retain.settings import load


def test_an_empty_home_fails_with_a_remedy_for_each_finding(retain, home) -> None:
    home.mkdir()
    answered = retain("doctor")
    assert answered.code == 1
    assert "ok    home" in answered.out
    assert "FAIL  event log" in answered.out
    assert answered.out.count("FAIL") == answered.out.count("remedy:")


def test_a_program_reads_every_check(retain) -> None:
    told = json.loads(retain("doctor", "--json").out)
    assert told["state"] == "fail"
    assert told["quality"] is None
    assert [check["check"] for check in told["checks"]] == [
        "home",
        "openmp",
        "hot path",
        "event log",
        "history",
        "champions",
        "online store",
        "calendar",
        "data quality",
    ]


def test_a_home_that_is_not_there_is_told_and_not_made(retain, home) -> None:
    answered = retain("doctor")
    assert answered.code == 1
    assert f"FAIL  home          there is no {home}" in answered.out
    assert not home.exists()


def test_a_home_that_cannot_be_written_says_so(retain, home) -> None:
    home.write_text("a file where a folder should be")
    answered = retain("doctor")
    assert answered.code == 1
    assert "FAIL  home" in answered.out


@pytest.fixture
def promote_tiny_champions():
    # Feast switches prometheus-client over when it is imported first: not while collecting
    from tests.tiny_home import promote_tiny_champions

    return promote_tiny_champions


def test_a_head_without_a_champion_is_a_warning_and_no_failure(
    retain, home, promote_tiny_champions
) -> None:
    promote_tiny_champions(load({}, home=home), ["churn"])
    answered = retain("doctor")
    assert "ok    champions" in answered.out
    assert "warn  champions     no model for next_purchase, ltv" in answered.out


def test_no_head_at_all_is_a_failure(retain, home, promote_tiny_champions) -> None:
    promote_tiny_champions(load({}, home=home), [])
    assert "FAIL  champions" in retain("doctor").out


def test_the_reach_of_the_calendar_is_told_and_a_short_one_is_a_warning(retain, tmp_path) -> None:
    assert "ok    calendar      empty" in retain("doctor", "--only", "store").out
    file = tmp_path / "calendar.csv"
    far, near = now().date() + timedelta(days=200), now().date() + timedelta(days=12)

    def told(day) -> str:
        file.write_text(f"date,region,kind,name,known_at\n{day},UK,holiday,A day,2020-01-01\n")
        assert retain("import", str(file), "--format", "calendar").code == 0
        return retain("doctor", "--only", "store").out

    assert f"warn  calendar      ends 12 days ahead of {now().date()}" in told(near)
    assert f"ok    calendar      2 days in UK, {near} to {far}" in (text := told(far))
    assert "warn  calendar" not in text
