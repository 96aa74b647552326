"""`retain serve`: answer requests over HTTP."""

from dataclasses import replace
from typing import Annotated

import typer

from cli.context import AsOf, settings_of
from retain.clock import parse_utc

Port = Annotated[int, typer.Option(min=1, max=65_535)]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(serve)


def serve(
    context: typer.Context,
    *,
    as_of: AsOf = None,
    host: Annotated[
        str, typer.Option(help="0.0.0.0 listens on every interface, and asks for API keys.")
    ] = "127.0.0.1",
    port: Port = 3000,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes that answer; default: RETAIN_WORKERS, or two (one on a single core).",
        ),
    ] = None,
) -> None:
    """Serve /predict, /rank, /events and the rest until it is stopped.

    --as-of pins the service's clock to a moment; without it, it is the real one.

    Example: retain serve --port 3000
    """
    settings = settings_of(context)
    if as_of is not None:
        settings = replace(settings, as_of=parse_utc(as_of, field="--as-of"))

    from services import server

    server.serve(settings, host=host, port=port, workers=workers)
