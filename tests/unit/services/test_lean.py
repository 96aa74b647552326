"""A worker imports LightGBM and Arrow without what they look for beside them."""

import subprocess
import sys

_WORKER = """
import sys
from services import lean
with lean.imports():
    import services.composition
heavy = sorted({"pandas", "sklearn", "feast", "dask", "matplotlib"} & sys.modules.keys())
assert not heavy, heavy
import pandas, gc
assert gc.isenabled()
"""


def test_a_worker_starts_without_pandas_and_estimators_and_can_import_them_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WORKER], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
