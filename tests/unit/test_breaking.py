"""A database that is away is left alone for a moment, and asked again by one at a time."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from retain import breaker as breaker_module
from retain.breaker import PAUSE_SECONDS, REMEMBERED_SECONDS, Breaker
from retain.breaking import READS, WRITES, breakers, require_writes, seen
from retain.database import apart, connect, reading, writing
from retain.errors import NotFound, StoreUnavailable
from retain.waits import SERVING

HASTY = replace(SERVING, lock_ms=10)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(breaker_module, "monotonic", clock)
    return clock


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return connect(f"sqlite:///{tmp_path / 'retain.db'}", HASTY)


def ask(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.exec_driver_sql("SELECT 1").scalar()


def write(engine: Engine) -> None:
    with writing(engine):
        pass


def locked(engine: Engine) -> None:
    """One write that fails for a lock that another process holds."""
    with (
        writing(connect(str(engine.url))),
        pytest.raises(StoreUnavailable, match="locked"),
    ):
        write(engine)


def test_a_breaker_is_open_for_a_pause_and_then_lets_one_try(clock) -> None:
    one = Breaker("away", remedy="wait")
    one.admit()
    assert one.state == "closed"
    one.failed()
    assert one.state == "open"
    with pytest.raises(StoreUnavailable, match="away"):
        one.admit()
    clock.now += PAUSE_SECONDS
    assert one.state == "half_open"
    one.admit()
    assert one.state == "open"
    with pytest.raises(StoreUnavailable):
        one.admit()
    one.answered()
    assert one.state == "closed"
    one.admit()


def test_after_a_lock_that_lasted_no_write_waits_for_it_again(engine, clock) -> None:
    locked(engine)
    assert breakers(engine)[WRITES].state == "open"
    with pytest.raises(StoreUnavailable, match="a moment ago"):
        write(engine)


def test_who_holds_the_lock_of_sqlite_keeps_nobody_from_reading(engine, clock) -> None:
    locked(engine)
    assert ask(engine) == 1
    assert breakers(engine)[READS].state == "closed"


def test_a_write_that_goes_through_after_the_pause_lets_all_write(engine, clock) -> None:
    locked(engine)
    clock.now += PAUSE_SECONDS
    write(engine)
    assert breakers(engine)[WRITES].state == "closed"


def test_an_error_of_the_caller_s_own_is_none_of_the_store(engine, clock) -> None:
    with pytest.raises(NotFound), writing(engine):
        raise NotFound("no such thing")
    assert breakers(engine)[WRITES].state == "closed"


def test_a_command_has_no_breaker(tmp_path) -> None:
    assert breakers(connect(f"sqlite:///{tmp_path / 'retain.db'}")) == {}


def test_a_postgresql_that_is_gone_is_asked_once_and_found_again(postgres_server, clock) -> None:
    with postgres_server.database() as url:
        name = url.rpartition("/")[2]
        engine = connect(url, SERVING)
        assert ask(engine) == 1
        postgres_server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres_server.run(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        with pytest.raises(StoreUnavailable, match="did not answer:"):
            ask(engine)
        with pytest.raises(StoreUnavailable, match="a moment ago"):
            write(engine)
        postgres_server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        clock.now += PAUSE_SECONDS
        assert ask(engine) == 1
        write(engine)


def test_a_breaker_that_is_held_open_lets_nobody_try_until_it_is_let_go(clock) -> None:
    one = Breaker("away", remedy="wait")
    one.hold()
    clock.now += 10 * PAUSE_SECONDS
    one.answered()
    assert one.state == "open"
    with pytest.raises(StoreUnavailable, match="away"):
        one.admit()
    one.release()
    assert one.state == "closed"
    one.admit()


def test_who_looks_is_told_how_the_database_is_though_a_breaker_is_open(engine) -> None:
    looks = apart(engine)
    seen(engine, answers=False)
    with pytest.raises(StoreUnavailable, match="a moment ago"):
        ask(engine)
    assert ask(looks) == 1
    # what a read says of SQLite says nothing of its writers
    write(engine)
    seen(engine, answers=True)
    assert ask(engine) == 1


def test_a_postgresql_that_stands_still_keeps_nobody_waiting_once_it_is_seen_to(
    postgres_server,
) -> None:
    with postgres_server.database() as url, ThreadPoolExecutor(3) as threads:
        engine = connect(url, SERVING)
        looks = apart(engine)
        with writing(engine), reading(engine):
            assert ask(looks) == 1
        with postgres_server.frozen():
            stuck = [threads.submit(question, engine) for question in (ask, write)]
            stuck.append(threads.submit(ask, looks))
            assert not wait(stuck, timeout=0.2).done
            seen(engine, answers=False)
            for one in stuck:
                with pytest.raises(StoreUnavailable, match="did not answer:"):
                    one.result(timeout=20)
            with pytest.raises(StoreUnavailable, match="a moment ago"):
                write(engine)
        assert ask(looks) == 1
        seen(engine, answers=True)
        assert ask(engine) == 1
        write(engine)


def test_a_postgresql_lock_opens_no_breaker(postgres_server) -> None:
    with postgres_server.database() as url:
        engine = connect(url, replace(SERVING, lock_ms=50))
        with (
            writing(engine, alone="a"),
            pytest.raises(StoreUnavailable, match="lock timeout"),
            writing(engine, alone="a"),
        ):
            pass
        assert breakers(engine)[WRITES].state == "closed"


def test_while_one_tries_a_breaker_is_open_however_long_that_takes(clock) -> None:
    one = Breaker("away", remedy="wait")
    one.failed()
    clock.now += PAUSE_SECONDS
    assert one.state == "half_open"
    one.admit()
    clock.now += 5 * PAUSE_SECONDS
    assert one.state == "open"
    one.undecided()
    assert one.state == "half_open"


def test_what_was_not_taken_is_known_until_something_is_or_for_a_minute(engine, clock) -> None:
    require_writes(engine)
    locked(engine)
    with pytest.raises(StoreUnavailable, match="not taken"):
        require_writes(engine)
    clock.now += REMEMBERED_SECONDS
    require_writes(engine)
    locked(engine)
    clock.now += PAUSE_SECONDS
    write(engine)
    require_writes(engine)
