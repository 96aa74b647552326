"""`retain score`: the scores of everyone, as one Parquet file."""

from pathlib import Path
from typing import Annotated

import typer

from cli.context import AsJson, AsOf, filled_log, moment_of, settings_of
from cli.progress import stages
from cli.screen import answer, say
from retain.clock import iso


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(score)


def score(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A Parquet file.")],
    *,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Score every customer with an order in the 365 days before a moment.

    Example: retain score --as-of 2011-03-10 --out scores.parquet
    """
    settings = settings_of(context)
    moment = moment_of(as_of, settings, filled_log(settings))

    from services import batch

    with stages() as progress:
        customers = batch.score(settings, moment, out, progress=progress)
    if as_json:
        answer({"as_of": iso(moment), "customers": customers, "out": str(out)})
    else:
        say(f"{customers:,} customers scored as of {iso(moment)}: {out}")
