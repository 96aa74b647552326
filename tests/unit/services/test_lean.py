"""A worker imports LightGBM and Arrow without what they look for beside them."""

import subprocess
import sys

_WORKER = """
import sys
from services import lean
with lean.imports():
    import services.composition
heavy = sorted({"pandas", "sklearn", "scipy", "feast", "dask", "matplotlib"} & sys.modules.keys())
assert not heavy, heavy
import lightgbm, numpy
rows = numpy.arange(40.0).reshape(20, 2)
options = {"verbose": -1, "min_data_in_leaf": 1}
made = lightgbm.train(options, lightgbm.Dataset(rows, label=rows[:, 0]), 2)
assert made.predict(rows).shape == (20,)
assert made.predict(rows, pred_contrib=True).shape == (20, 3)
import pandas, gc, scipy.sparse
assert scipy.sparse.csr_matrix(rows).shape == (20, 2)
assert gc.isenabled()
"""


def test_a_worker_starts_without_pandas_and_estimators_and_can_import_them_later() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WORKER], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
