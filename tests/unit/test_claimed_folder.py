"""Folders of processes, and what becomes of those whose owners died."""

import os

from retain.claimed_folder import claim


def test_the_folder_of_an_owner_that_ended_is_removed_by_the_next(tmp_path):
    dead, held = claim(tmp_path, "server-")
    alive, _ = claim(tmp_path, "server-")
    (dead / "prometheus_multiproc_dir").mkdir()
    os.close(held)
    newest, _ = claim(tmp_path, "server-")
    assert sorted(tmp_path.iterdir()) == sorted([alive, newest])


def test_what_is_called_otherwise_is_left_alone(tmp_path):
    (tmp_path / "kept").mkdir()
    claim(tmp_path, "server-")
    assert (tmp_path / "kept").is_dir()
