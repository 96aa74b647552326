"""A few rows through a LightGBM model by the C interface itself.

``Booster.predict`` spends more on looking at its arguments than on the trees of thirty rows. The
numbers are the same to the last bit: it makes the same call. See "LGBM_BoosterPredictForMat" in
https://lightgbm.readthedocs.io/en/stable/C-API.html.
"""

import ctypes
from typing import Any

import lightgbm
import numpy as np
from lightgbm import basic

from retain.predictors.single_row import KEEPING, Floats

MOST = 64
"""More rows are worth giving up the interpreter's lock for."""

_C: Any = basic
_CHECKED = _C._safe_call  # noqa: SLF001 - there is no public name for it
_PREDICT = KEEPING.LGBM_BoosterPredictForMat
_FLOAT64 = ctypes.c_int(1)
_BY_ROW = ctypes.c_int(1)
_RAW_SCORE = ctypes.c_int(1)
_FROM_THE_FIRST, _TO_THE_LAST = ctypes.c_int(0), ctypes.c_int(-1)
_ALONE = ctypes.c_char_p(b"num_threads=1")


class FewRows:
    """Raw scores of up to :data:`MOST` rows; threads share it."""

    def __init__(self, booster: lightgbm.Booster, width: int) -> None:
        self._booster = booster  # the handle is of it
        handle: Any = booster._handle  # noqa: SLF001 - LightGBM has no public name for it
        self._handle = handle
        self._width = ctypes.c_int32(width)

    def raw(self, matrix: Floats) -> Floats:
        """The scores in link space, (n,), of a contiguous (n, width) matrix."""
        scores = np.empty(len(matrix))
        length = ctypes.c_int64(0)
        failed = _PREDICT(
            self._handle,
            ctypes.c_void_p(matrix.ctypes.data),
            _FLOAT64,
            ctypes.c_int32(len(matrix)),
            self._width,
            _BY_ROW,
            _RAW_SCORE,
            _FROM_THE_FIRST,
            _TO_THE_LAST,
            _ALONE,
            ctypes.byref(length),
            ctypes.c_void_p(scores.ctypes.data),
        )
        if failed:
            _CHECKED(failed)
        return scores
