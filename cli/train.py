"""`retain train`: fit, judge and register every head."""

from typing import Annotated

import typer

from cli.context import AsJson, AsOf, filled_log, moment_of, settings_of
from cli.progress import stages
from cli.promotion import entry_of, promote_run
from cli.screen import answer, say


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(train)


def train(
    context: typer.Context,
    *,
    as_of: AsOf = None,
    horizon_days: Annotated[int, typer.Option(min=1, help="How far ahead labels look.")] = 90,
    seed: Annotated[int, typer.Option(help="The same seed and data give the same models.")] = 7,
    promote: Annotated[
        bool, typer.Option(help="Promote heads above their baseline, and any without a champion.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Train every head on what was known before a moment, and write the evaluation.

    Example: retain train --as-of 2011-03-10 --horizon-days 90
    """
    settings = settings_of(context)
    moment = moment_of(as_of, settings, filled_log(settings))

    from training import pipeline

    with stages() as progress:
        run = pipeline.train(
            settings,
            as_of=moment,
            horizon_days=horizon_days,
            seed=seed,
            progress=progress,
        )
    promoted = promote_run(settings, run) if promote else []
    if as_json:
        answer({**run.as_json(), "promoted": [entry_of(one) for one in promoted]})
    else:
        say(run.text())
        say()
        for one in promoted:
            say(f"champion: {one.head}:{one.version}, {one.reason}")
        say(f"written to {run.folder}")
