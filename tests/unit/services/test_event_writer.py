"""Group commit: many requests, one transaction, and to each its own answer."""

import threading

import pytest

from retain.errors import StoreUnavailable
from retain.event import EVENT_SCHEMA
from retain.eventlog import Appended
from retain.identities import Touched
from retain.identity import Member
from retain.identity_links import ANONYMOUS, CUSTOMER
from services.event_writer import MOST_WAITING, EventWriter
from services.refusals import Overloaded


class Store:
    """Keeps ids; holds every append back until it is let go, and can fail."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.groups: list[list[str]] = []
        self.begun, self.go = threading.Event(), threading.Event()
        self.failing: dict[str, Exception] = {}

    def append(self, rows) -> Appended:
        ids = [row[0] for row in rows]
        self.groups.append(ids)
        self.begun.set()
        assert self.go.wait(10)
        for one in ids:
            if one in self.failing:
                raise self.failing[one]
        known = {one for one in ids if one in self.ids}
        self.ids += [one for one in ids if one not in known]
        return Appended(len(ids) - len(known), frozenset(known))


def rows(*ids: str) -> list[tuple]:
    return [(one,) for one in ids]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def told() -> list[int]:
    return []


@pytest.fixture
def writer(store, told):
    writer = EventWriter(store.append, lambda: told.append(1))
    yield writer
    store.go.set()
    writer.close()


def test_what_comes_while_a_commit_runs_shares_the_next_one(writer, store, told) -> None:
    first = writer.submit(rows("a"))
    assert store.begun.wait(10)
    later = [writer.submit(rows(one)) for one in "bcd"]
    store.go.set()
    assert [one.result(10).known for one in (first, *later)] == [frozenset()] * 4
    assert store.groups == [["a"], ["b", "c", "d"]]
    assert len(told) == 2


def test_of_one_id_in_two_requests_of_a_group_the_first_is_new_and_the_other_known(
    writer, store
) -> None:
    writer.submit(rows("a"))
    assert store.begun.wait(10)
    first, second, third = (writer.submit(rows(*ids)) for ids in ("bc", "cd", "ca"))
    store.go.set()
    assert first.result(10).known == frozenset()
    assert second.result(10).known == {"c"}
    assert third.result(10).known == {"c", "a"}
    assert sorted(store.ids) == ["a", "b", "c", "d"]


def test_each_request_of_a_group_is_told_whom_its_own_events_touched() -> None:
    owners = {Member(ANONYMOUS, "v"): "buyer", Member(CUSTOMER, "c"): "c"}
    begun, go = threading.Event(), threading.Event()

    def append(_rows: list[tuple]) -> Appended:
        begun.set()
        assert go.wait(10)
        return Appended(1, frozenset(), touched=Touched(owners, frozenset({"merged"})))

    def row(name: str, event_type: str, customer: str | None, visitor: str | None) -> tuple:
        told = {"event_id": name, "type": event_type, "customer_id": customer,
                "anonymous_id": visitor, "ts": 0, "properties": '{"linked_id": "w"}'}  # fmt: skip
        return tuple(told.get(column) for column in EVENT_SCHEMA.names)

    writer = EventWriter(append, lambda: None)
    writer.submit([row("a", "page_viewed", "c", None)])
    assert begun.wait(10)
    visit = writer.submit([row("b", "page_viewed", None, "v")])
    link = writer.submit([row("d", "identity_linked", "c", None)])
    go.set()
    assert visit.result(10).touched == {"buyer"}
    assert link.result(10).touched == {"c", "merged"}
    writer.close()


def test_a_store_that_is_away_is_told_to_everyone_in_the_group_and_the_next_goes_on(
    writer, store
) -> None:
    store.failing["a"] = StoreUnavailable("away")
    first = writer.submit(rows("a"))
    store.go.set()
    with pytest.raises(StoreUnavailable):
        first.result(10)
    assert writer.submit(rows("b")).result(10).known == frozenset()


def test_one_request_that_cannot_be_stored_does_not_take_the_others_along(writer, store) -> None:
    store.failing["bad"] = ValueError("odd")
    writer.submit(rows("a"))
    assert store.begun.wait(10)
    good, bad, again = (writer.submit(rows(*ids)) for ids in (["g"], ["bad"], ["g"]))
    store.go.set()
    assert good.result(10).known == frozenset()
    assert again.result(10).known == {"g"}
    with pytest.raises(ValueError, match="odd"):
        bad.result(10)


def test_more_than_may_wait_is_refused_and_nothing_of_it_stored(writer, store) -> None:
    writer.submit(rows("a"))
    assert store.begun.wait(10)
    many = [(f"m{number}",) for number in range(MOST_WAITING)]
    waiting = writer.submit(many)
    with pytest.raises(Overloaded):
        writer.submit(rows("b"))
    store.go.set()
    assert waiting.result(10).known == frozenset()
    assert "b" not in store.ids
    assert writer.submit(rows("c")).result(10).known == frozenset()


def test_closing_stores_what_waits_and_takes_nothing_more(store) -> None:
    writer = EventWriter(store.append, lambda: None)
    first = writer.submit(rows("a"))
    assert store.begun.wait(10)
    second = writer.submit(rows("b"))
    store.go.set()
    writer.close()
    assert (first.result(0).known, second.result(0).known) == (frozenset(), frozenset())
    with pytest.raises(Overloaded):
        writer.submit(rows("c"))
