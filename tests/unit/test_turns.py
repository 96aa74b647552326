"""Turns: one at a time, in order, and never for ever."""

import subprocess
import sys
import threading
import time

import pytest

from retain.turns import Turns


def test_one_thread_has_the_turn_at_a_time_and_all_get_one(tmp_path):
    turns, inside, most, had = Turns(tmp_path / "db"), [], [], []

    def work(number):
        with turns.wait(30) as got:
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.001)
            inside.remove(number)
            had.append(got)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert max(most) == 1
    assert had == [True] * 40


def test_threads_go_in_the_order_they_came(tmp_path):
    turns, order = Turns(tmp_path / "db"), []

    def work(number):
        with turns.wait(30):
            order.append(number)

    threads = []
    with turns.wait(30):
        for number in range(8):
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            while len(turns._queue) < number + 2:
                time.sleep(0.001)
    for one in threads:
        one.join()
    assert order == list(range(8))


def test_who_waits_too_long_goes_without_and_leaves_the_queue(tmp_path):
    turns = Turns(tmp_path / "db")
    with turns.wait(30) as first:
        seen = []

        def hasty():
            with turns.wait(0.01) as got:
                seen.append(got)

        thread = threading.Thread(target=hasty)
        thread.start()
        thread.join()
        assert (first, seen) == (True, [False])
    with turns.wait(30) as again:
        assert again


def test_another_process_has_its_turn_when_this_one_has_ended(tmp_path):
    code = (
        "import sys; from pathlib import Path; from retain.turns import Turns\n"
        "with Turns(Path(sys.argv[1])).wait(float(sys.argv[2])) as had: print(had)"
    )

    def asks(seconds):
        command = [sys.executable, "-c", code, str(tmp_path / "db"), str(seconds)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    turns = Turns(tmp_path / "db")
    with turns.wait(30):
        assert asks(0.05) == "False"
    assert asks(30) == "True"


def test_an_error_inside_gives_the_turn_on(tmp_path):
    turns = Turns(tmp_path / "db")
    with pytest.raises(ZeroDivisionError), turns.wait(30):
        1 / 0  # noqa: B018
    with turns.wait(1) as had:
        assert had
