import json


def test_an_empty_home_fails_with_a_remedy_for_each_finding(retain) -> None:
    answered = retain("doctor")
    assert answered.code == 1
    assert "ok    home" in answered.out
    assert "FAIL  event log" in answered.out
    assert answered.out.count("FAIL") == answered.out.count("remedy:")


def test_a_program_reads_every_check(retain) -> None:
    checks = json.loads(retain("doctor", "--json").out)
    assert [check["check"] for check in checks] == [
        "home",
        "openmp",
        "event log",
        "history",
        "champions",
        "online store",
    ]


def test_a_home_that_cannot_be_written_says_so(retain, home) -> None:
    home.write_text("a file where a folder should be")
    answered = retain("doctor")
    assert answered.code == 1
    assert "FAIL  home" in answered.out
