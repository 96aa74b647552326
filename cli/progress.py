"""Progress of long work, on stderr: bars on a terminal, now and then a line elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

Stages = Callable[[str, int, int], None]
Counter = Callable[[int, int], None]

LINE_EVERY_SECONDS = 5.0

_screen = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def stages() -> Iterator[Stages]:
    """Yields ``report(stage, done, total)``; a stage is whatever was named first, in its order."""
    with _bars() if _screen.is_terminal else _lines() as report:
        yield report


@contextmanager
def counter(title: str) -> Iterator[Counter]:
    """Yields ``report(done, total)`` for work of one stage."""
    with stages() as report:
        report(title, 0, 0)
        yield partial(report, title)


@contextmanager
def _bars() -> Iterator[Stages]:
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=_screen) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                _finish(progress)
                tasks[stage] = progress.add_task(stage, total=None)
            progress.update(tasks[stage], completed=done, total=total or None)

        yield report
        _finish(progress)


def _finish(progress: Progress) -> None:
    for task in progress.tasks:
        if not task.finished:
            total = task.total or 1
            progress.update(task.id, completed=total, total=total)


@contextmanager
def _lines() -> Iterator[Stages]:
    began: dict[str, float] = {}
    said = time.monotonic()

    def close() -> None:
        for stage, start in began.items():
            _screen.print(f"{stage}: {time.monotonic() - start:.1f} s")
        began.clear()

    def report(stage: str, done: int, total: int) -> None:
        nonlocal said
        if stage not in began:
            close()
            began[stage] = said = time.monotonic()
        elif time.monotonic() - said >= LINE_EVERY_SECONDS:
            said = time.monotonic()
            _screen.print(f"{stage}: {f'{done / total:.0%}' if total else f'{done:,}'}")

    yield report
    close()
