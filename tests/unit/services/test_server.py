"""Starting a server: what the process that becomes BentoML is given."""

import os
from pathlib import Path
from unittest.mock import patch

from retain import settings
from services import server


def bentoml_home(home: Path) -> Path:
    (home / "retain.db").touch()
    with patch.dict(os.environ), patch.object(os, "execv"):
        (home / "bentoml" / "models").mkdir(parents=True, exist_ok=True)
        (home / "retain.db").touch()
        server.serve(settings.load({}, home=home))
        return Path(os.environ["BENTOML_HOME"])


def test_two_servers_of_one_home_have_a_metrics_folder_each(tmp_path):
    first, second = bentoml_home(tmp_path), bentoml_home(tmp_path)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()
    assert {first.parent, second.parent} == {tmp_path / "run"}


def test_the_folder_stays_in_use_when_the_process_becomes_another_program(tmp_path):
    folder = bentoml_home(tmp_path)
    open_files = {int(one.name): one.resolve() for one in Path("/proc/self/fd").iterdir()}
    (held,) = [number for number, path in open_files.items() if path == folder]
    assert os.get_inheritable(held)
