"""Starting a server: what the process that becomes BentoML is given."""

import os
from pathlib import Path
from unittest.mock import patch

from retain import settings
from services import server, server_folder


def bentoml_home(home: Path) -> Path:
    with patch.dict(os.environ), patch.object(os, "execv"):
        server.serve(settings.load({}, home=home))
        return Path(os.environ["BENTOML_HOME"])


def test_two_servers_of_one_home_have_a_metrics_folder_each(tmp_path):
    first, second = bentoml_home(tmp_path), bentoml_home(tmp_path)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()
    assert {first.parent, second.parent} == {tmp_path / "run"}


def test_a_folder_of_a_server_that_ended_is_removed_at_the_next_start(tmp_path):
    dead, held = server_folder.claim(tmp_path)
    alive, _ = server_folder.claim(tmp_path)
    (dead / "prometheus_multiproc_dir").mkdir()
    os.close(held)
    newest, _ = server_folder.claim(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([alive, newest])


def test_the_lock_on_the_folder_outlives_becoming_another_program(tmp_path):
    _, held = server_folder.claim(tmp_path)
    assert os.get_inheritable(held)
