"""What `retain train` refuses before it reads any data, and what its help can hold."""

import sys

import pytest


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("--minutes", "0"), "--minutes"),
        (("--minutes", "5"), "--minutes"),
        (("--trials", "3"), "--trials"),
    ],
)
def test_a_budget_without_a_search_is_refused_by_its_own_name(retain, words, flag) -> None:
    answered = retain("train", *words)
    assert answered.code == 2
    assert f"{flag}: " in answered.err
    assert "add --tune" in answered.err


def test_a_search_of_no_time_is_refused(retain) -> None:
    pytest.importorskip("optuna")
    answered = retain("train", "--tune", "--minutes", "0")
    assert answered.code == 2
    assert "--minutes: 0.0 cannot be used" in answered.err


def test_a_search_without_optuna_says_how_to_get_it(retain, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    answered = retain("train", "--tune")
    assert answered.code == 2
    assert "scripts/setup tuning" in answered.err


def test_the_help_names_every_label_on_a_narrow_screen(retain, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = retain("train", "--help").out
    for label in ("no_order", "no_activity", "subscription_not_renewed"):
        assert label in shown
