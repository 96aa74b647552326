"""Feast's own commands in ``feature_repo``, as the guide gives them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("url", [{"RETAIN_ONLINE_URL": ""}, {}], ids=["empty", "not set"])
def test_feast_apply_makes_the_file_of_the_home_where_no_url_is_given(tmp_path: Path, url) -> None:
    (tmp_path / "feast").mkdir()
    feast = Path(sys.executable).parent / "feast"
    own = {"RETAIN_HOME": str(tmp_path), "TZ": "UTC", "PATH": "", "HOME": str(tmp_path), **url}
    done = subprocess.run(
        [feast, "apply"],
        capture_output=True,
        text=True,
        cwd=ROOT / "feature_repo",
        env=own,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "feast" / "packed.db").exists()
