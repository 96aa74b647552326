"""One row through a LightGBM model without preparing a matrix: the C interface's fast call.

A prediction through ``Booster.predict`` costs some 150 microseconds before the first tree is
looked at; this one costs a few. The numbers are the same to the last bit. See "SingleRowFast" in
https://lightgbm.readthedocs.io/en/stable/C-API.html.
"""

import ctypes
from threading import local
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
from lightgbm import basic

Floats = npt.NDArray[np.float64]

_C: Any = basic
_LIB, _CHECKED = _C._LIB, _C._safe_call  # noqa: SLF001 - there is no public name for them
# the same library without giving up the interpreter's lock: getting it back from a thread that
# computes takes up to five milliseconds, a thousand times the call
KEEPING = ctypes.PyDLL(_LIB._name)  # noqa: SLF001
_PREDICT = KEEPING.LGBM_BoosterPredictForMatSingleRowFast
_RAW_SCORE = 1
_FLOAT64 = 1


class SingleRow:
    """Raw scores of single rows; threads share it, each with a configuration of its own."""

    def __init__(self, booster: lightgbm.Booster, width: int) -> None:
        self._booster = booster
        self._width = width
        self._own = local()

    def raw(self, row: Floats) -> float:
        """The score in link space of a contiguous row, (width,)."""
        call: _Call | None = getattr(self._own, "call", None)
        if call is None:
            call = self._own.call = _Call(self._booster, self._width)
        return call.score(row)


class _Call:
    """What one thread reuses: the library's configuration, and where the answer goes."""

    def __init__(self, booster: lightgbm.Booster, width: int) -> None:
        self._booster = booster  # the configuration points into it
        self._config = ctypes.c_void_p()
        self._length, self._score = ctypes.c_int64(0), ctypes.c_double(0.0)
        self._row = np.empty(width)
        handle: Any = booster._handle  # noqa: SLF001 - LightGBM has no public name for it
        _CHECKED(
            _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
                handle,
                ctypes.c_int(_RAW_SCORE),
                ctypes.c_int(0),
                ctypes.c_int(-1),
                ctypes.c_int(_FLOAT64),
                ctypes.c_int32(width),
                ctypes.c_char_p(b"num_threads=1"),
                ctypes.byref(self._config),
            )
        )
        self._arguments = (
            self._config,
            ctypes.c_void_p(self._row.ctypes.data),
            ctypes.byref(self._length),
            ctypes.byref(self._score),
        )

    def score(self, row: Floats) -> float:
        self._row[:] = row
        if failed := _PREDICT(*self._arguments):
            _CHECKED(failed)
        return self._score.value

    def __del__(self) -> None:
        if self._config:
            _LIB.LGBM_FastConfigFree(self._config)
