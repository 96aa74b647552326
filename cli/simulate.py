"""`retain simulate`: a shop whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from cli.context import AsJson
from cli.progress import counter
from cli.screen import answer, say


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(simulate)


def simulate(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")],
    *,
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a simulated shop's events, and the truth behind them, as Parquet.

    Example: retain simulate --out shop --customers 10000
    """
    from retain import simulator

    with counter("simulate") as progress:
        shop = simulator.write(out, customers=customers, seed=seed, progress=progress)
    if as_json:
        answer({"folder": str(out), "events": shop})
    else:
        say(f"{out}: {shop}")
        say(f"import it: retain import {out} --format retain")
