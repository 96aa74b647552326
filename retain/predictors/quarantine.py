"""LightGBM models are first loaded in a process that may die.

A corrupt text model aborts or hangs whoever loads it: of 90 mutated models 64 aborted and 17
hung, and none raised. The child talks to LightGBM's C library directly, which spares it the
import of the Python package.
"""

import subprocess
import sys
from collections.abc import Mapping

from lightgbm.basic import _LIB  # type: ignore[attr-defined]

from retain.errors import CorruptModel

TIMEOUT_SECONDS = 20.0

_CHILD = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
for line in sys.stdin.buffer:
    model = sys.stdin.buffer.read(int(line))
    booster, rounds, width = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int()
    size, answer = ctypes.c_int64(), (ctypes.c_double * 64)()
    failed = library.LGBM_BoosterLoadModelFromString(
        ctypes.c_char_p(model), ctypes.byref(rounds), ctypes.byref(booster))
    failed = failed or library.LGBM_BoosterGetNumFeature(booster, ctypes.byref(width))
    for value in (0.0, float("nan"), 1e9, -1e9):
        row = (ctypes.c_double * width.value)(*[value] * width.value)
        failed = failed or library.LGBM_BoosterPredictForMatSingleRow(
            booster, row, 1, width, 1, 1, 0, -1, b"num_threads=1", ctypes.byref(size), answer)
    if failed:
        sys.exit(1)
    print("loaded", flush=True)
"""

_proven: set[str] = set()


def prove(models: Mapping[str, tuple[str, bytes]]) -> None:
    """Load each model once in one throw-away process, unless its digest was proven before.

    Args:
        models: digest to (name for messages, LightGBM text model).

    Raises:
        CorruptModel: naming the first model that does not load and predict.
    """
    waiting = {digest: model for digest, model in models.items() if digest not in _proven}
    if not waiting:
        return
    names = [name for name, _ in waiting.values()]
    loaded, ending = _load_in_child([text for _, text in waiting.values()])
    if loaded < len(names):
        raise CorruptModel(
            f"{names[loaded]} does not load: the process that tried {ending}",
            remedy="train again, or roll back to an earlier version with `retain models rollback`",
        )
    _proven.update(waiting)


def _load_in_child(texts: list[bytes]) -> tuple[int, str]:
    sent = b"".join(b"%d\n%b" % (len(text), text) for text in texts)
    command = [sys.executable, "-I", "-c", _CHILD, _LIB._name]  # noqa: SLF001
    try:
        done = subprocess.run(  # noqa: S603
            command, input=sent, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as expired:
        output = expired.stdout or b""
        return output.count(b"loaded\n"), f"hung for {TIMEOUT_SECONDS:g} seconds"
    return done.stdout.count(b"loaded\n"), f"ended with code {done.returncode}"
