"""Decision ids."""

import os
from datetime import timedelta

import pytest

from retain import ulid
from tests.catalogues import NOW


def test_an_id_has_26_characters_of_crockfords_alphabet():
    made = ulid.new(NOW)
    assert len(made) == 26
    assert set(made) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_ids_sort_by_time_to_the_millisecond():
    times = [NOW + timedelta(milliseconds=number) for number in range(50)]
    ids = [ulid.new(at) for at in times]
    assert ids == sorted(ids)


def test_ids_of_one_moment_differ():
    assert len({ulid.new(NOW) for _ in range(1000)}) == 1000


def test_the_time_is_written_as_the_specification_has_it():
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(1469918176.385, UTC)
    assert ulid.new(at).startswith("01ARYZ6S41")


def test_an_id_tells_when_it_was_made():
    at = NOW + timedelta(milliseconds=385)
    assert ulid.made_at(ulid.new(at)) == at


@pytest.mark.parametrize("text", ["", "d-1", "é" * 26, "8" * 26, "7" * 26, "0" * 27])
def test_what_is_no_id_tells_nothing(text):
    assert ulid.made_at(text) is None


def test_a_process_that_was_forked_draws_other_ids():
    ulid.new(NOW)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, ulid.new(NOW).encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reading, 26).decode()
    assert told not in {ulid.new(NOW) for _ in range(600)}
