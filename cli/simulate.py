"""`retain simulate`: a shop whose truth is known."""

from pathlib import Path
from typing import Annotated

import typer

from cli.context import AsJson
from cli.progress import counter
from cli.screen import answer, say
from retain.clock import parse_utc


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(simulate)


def simulate(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")],
    *,
    customers: Annotated[int, typer.Option(min=1, help="How many customers.")] = 10_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 7,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="First day; default: 548 days before --end.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", help="The day after the last; default 2026-10-31.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a simulated shop's events, and the truth behind them, as Parquet.

    Example: retain simulate --out shop --customers 10000
    """
    from retain import simulator

    with counter("simulate") as progress:
        shop = simulator.write(
            out,
            customers,
            seed,
            progress,
            start=parse_utc(start, field="--start") if start else None,
            end=parse_utc(end, field="--end") if end else None,
        )
    if as_json:
        answer({"events": str(shop.events), "shop": str(shop.shop), "count": shop.event_count})
    else:
        say(f"{shop.event_count:,} events of {shop.customers:,} customers, and the truth: {out}")
        say(f"import them: retain import {shop.events} --format retain")
