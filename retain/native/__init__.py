"""The hot path's innermost parts in C, where they were compiled for this Python.

Each stands in for Python that does the same to the last bit and is what runs where there was no
compiler. :mod:`retain.native.build` compiles them in place.
"""

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from retain.native.sources import SOURCES, digest

Made = TypeVar("Made")
_log = logging.getLogger("retain.service")


def compiled(name: str) -> Any:
    """The module of ``name``.c; None where it was not compiled, or from another source."""
    try:
        found = import_module(f"{__name__}.{name}")
    except ImportError:
        return None
    return found if digest(SOURCES / f"{name}.c") == found.SOURCE else None


def made(kind: Callable[..., Made], *arguments: Any) -> Made | None:
    """What was compiled, of these arguments; None where it does not take them, and Python does."""
    try:
        return kind(*arguments)
    except (TypeError, ValueError, OverflowError):
        _log.warning("%s does not take what a model holds: Python does it", kind, exc_info=True)
        return None


def lacking() -> list[str]:
    """What runs in Python."""
    names = sorted(source.stem for source in SOURCES.glob("*.c"))
    return [name for name in names if compiled(name) is None]
