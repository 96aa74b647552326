"""Where a model comes from: the code's revision and the libraries' versions."""

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LIBRARIES = ("lightgbm", "numpy", "scikit-learn", "scipy", "duckdb", "feast", "bentoml")
_PROJECT = Path(__file__).resolve().parent.parent


def code_revision() -> str:
    """The checkout's commit, with ``+changes`` where files differ; else the package's version."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return f"retain {_version('retain')}"
    return f"{commit}+changes" if _git("status", "--porcelain", "-uno") else commit


def libraries() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    return {name: _version(name) for name in _LIBRARIES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(_PROJECT), *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
