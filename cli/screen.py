"""What the command line shows: answers on stdout, errors with their remedy on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retain.errors import RetainError

WIDTH_ELSEWHERE = 200


def say(text: str = "") -> None:
    """A line for the reader, as it is: rich would read ``[…]`` and ``:…:`` as its own."""
    print(text, flush=True)


def shown(path: Path) -> str:
    """``path`` as a reader in the current folder would write it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def answer(value: Any) -> None:
    """``value`` as JSON, for a program to read."""
    print(json.dumps(value, indent=2, default=str))


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows under named columns."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text("" if value is None else str(value)) for value in row))
    screen = Console(highlight=False)
    if not screen.is_terminal:
        screen.width = WIDTH_ELSEWHERE
    screen.print(grid)


def pairs(values: Mapping[str, Any]) -> None:
    """Names and values, aligned."""
    width = max((len(name) for name in values), default=0)
    for name, value in values.items():
        say(f"{name:<{width}}  {value}")


def show_error(error: RetainError) -> None:
    """One line and its remedy, on stderr."""
    where = f"{error.field}: " if error.field else ""
    print(f"retain: {where}{error.message}", file=sys.stderr)
    if error.remedy:
        print(f"  remedy: {error.remedy}", file=sys.stderr)
