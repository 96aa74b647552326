"""`retain report`: the latest written evaluation."""

import typer

from cli.context import AsJson, settings_of
from cli.screen import say
from retain.errors import NotFound


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(report)


def report(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the latest training run's evaluation: each head beside its dumb rule.

    Example: retain report
    """
    settings = settings_of(context)
    name = "evaluation.json" if as_json else "evaluation.txt"
    written = sorted(settings.evaluations.glob(f"*/{name}"), key=lambda p: p.stat().st_mtime_ns)
    if not written:
        raise NotFound(
            f"no evaluation under {settings.evaluations}", remedy="run `retain train` first"
        )
    say(written[-1].read_text("utf-8").rstrip())
