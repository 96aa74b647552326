"""``python -m retain.native.build``: compile every source in place, for the Python that runs it.

Without a compiler, or the headers of Python, nothing is compiled and everything works as it does
with it, slower.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np

from retain.native.sources import SOURCES, digest

SUFFIX: str = sysconfig.get_config_var("EXT_SUFFIX")
_MODULE = ("-bundle", "-undefined", "dynamic_lookup") if sys.platform == "darwin" else ("-shared",)
# products and sums are rounded one by one, as NumPy rounds them: nothing is fused or reordered
_FLAGS = (
    "-O3",
    *_MODULE,
    "-fPIC",
    "-ffp-contract=off",
    "-Werror=implicit-function-declaration",  # else it is missed only when it is imported
    "-fvisibility=hidden",
)
_HEADERS = "NPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION"


class NotCompiled(Exception):
    """Why there is no compiled module."""


def build() -> list[Path]:
    """Compile what is not there yet; returns the modules.

    Raises:
        NotCompiled: there is no compiler, or it did not compile.
    """
    return [_compiled(source) for source in sorted(SOURCES.glob("*.c"))]


def _compiled(source: Path) -> Path:
    made = source.with_suffix(SUFFIX)
    own = digest(source)
    if made.exists() and own.encode() in made.read_bytes():
        return made
    partial = made.with_name(f"{made.name}.{os.getpid()}")
    command = [
        _compiler(),
        *_FLAGS,
        f'-DSOURCE="{own}"',
        f"-D{_HEADERS}",
        f"-I{sysconfig.get_path('include')}",
        f"-I{np.get_include()}",
        str(source),
        "-o",
        str(partial),
        "-lm",
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        raise NotCompiled(error.stderr.strip()) from error
    # a process that has the old one open keeps it
    partial.replace(made)
    return made


def _compiler() -> str:
    for name in ("cc", "gcc", "clang"):
        if (found := shutil.which(name)) is not None:
            return found
    raise NotCompiled("there is no C compiler")


def main() -> int:
    """Compile, or say why not; that is no failure."""
    try:
        build()
    except NotCompiled as error:
        lines = str(error).splitlines()
        cause = next((line for line in lines if "error" in line), lines[0] if lines else "")
        print(
            f"the hot path was not compiled ({cause}): it answers the same, at half the speed; "
            "with a C compiler and the headers of Python (apt-get install gcc libc6-dev "
            "python3-dev) run this again",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
