"""`retain identity`: who is who, and merges by hand."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from retain.database import connect
from retain.event import to_table
from retain.eventlog import EventLog
from retain.settings import load
from tests.event_tables import event

THEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def log(home: Path, monkeypatch: pytest.MonkeyPatch) -> EventLog:
    monkeypatch.setenv("RETAIN_AS_OF", "2026-10-31T12:00:00Z")
    log = EventLog(connect(load({}, home=home).database_url))
    told = [event(n, "page_viewed", THEN, who) for n, who in enumerate(("old", "new"))]
    told.append(event(2, "page_viewed", THEN - timedelta(days=1), None, anonymous_id="v"))
    log.append(to_table(told))
    return log


def shown(retain: Any, *words: str) -> dict[str, Any]:
    answered = retain("identity", *words, "--json")
    assert answered.code == 0, answered.err
    found: dict[str, Any] = json.loads(answered.out)
    return found


def test_a_merge_is_told_shown_and_undone(retain: Any, log: EventLog) -> None:
    merged = shown(retain, "merge", "old", "new", "--reason", "one loyalty card")
    assert merged["customer"] == "new"
    assert shown(retain, "show", "new")["identities"] == merged["identities"]
    (row,) = merged["identities"]
    assert (row["kind"], row["id"], row["since"], row["linked_to"]) == (
        "customer",
        "old",
        "2026-10-31T12:00:00Z",
        "new",
    )
    assert log.pending_among(["old"]) == {"old"}
    assert shown(retain, "show", "old", "--as-of", "2026-10-30")["customer"] == "old"
    undone = shown(retain, "unmerge", "old", "--reason", "two people")
    assert (undone["customer"], undone["identities"]) == ("old", [])


def test_the_log_says_who_told_it_and_why(retain: Any, log: EventLog) -> None:
    retain("identity", "merge", "old", "new", "--reason", "one loyalty card")
    (*_, last) = log.of_customers(["new"]).to_pylist()
    assert (last["type"], last["source"]) == ("identity_linked", "cli")
    assert json.loads(last["properties"])["reason"] == "one loyalty card"


def test_a_visitor_is_merged_into_a_customer(retain: Any, log: EventLog) -> None:
    words = ("merge", "v", "new", "--anonymous", "--reason", "told us at the till")
    assert shown(retain, *words)["customer"] == "new"
    assert shown(retain, "show", "v", "--anonymous")["customer"] == "new"
    assert shown(retain, "show", "v")["customer"] == "v"
    assert retain("identity", "show", "v", "--anonymous").out.startswith("id")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("merge", "nobody", "new", "--reason", "x"), "no event of customer 'nobody'"),
        (("merge", "new", "new", "--reason", "x"), "into itself"),
        (("unmerge", "new", "--reason", "x"), "not merged"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    retain: Any, log: EventLog, words: tuple[str, ...], said: str
) -> None:
    answered = retain("identity", *words)
    assert answered.code != 0
    assert said in answered.err
    before = log.count()
    assert before == 3


def test_what_is_merged_already_is_not_merged_again(retain: Any, log: EventLog) -> None:
    words = ("identity", "merge", "old", "new", "--reason", "x")
    assert retain(*words).code == 0
    assert "already" in retain(*words).err
