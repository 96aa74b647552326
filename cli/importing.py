"""`retain import`: read a file into the event log."""

from pathlib import Path
from typing import Annotated

import typer

from cli.context import AsJson, open_log, settings_of
from cli.progress import counter
from cli.screen import say


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("import")(import_file)


def import_file(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file, or a folder of them.")],
    *,
    file_format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="retain, online-retail, cdnow, retailrocket, segment, csv, products or calendar.",
        ),
    ],
    mapping: Annotated[
        Path | None, typer.Option("--map", metavar="YAML", help="Your columns, for --format csv.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="Where the file names none, e.g. GBP.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge every row and write only the report.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a file into the event log; what cannot be kept is set aside in a file and counted.

    The Parquet history that features and training read is brought up to the log as well.

    Importing the same file again adds nothing; a killed import is simply started again.

    Example: retain import orders.csv --format csv --map mapping.yaml
    """
    from feature_repo.packed_home import is_started
    from retain import history, importers

    settings = settings_of(context)
    log = open_log(settings)
    with counter("import") as progress:
        report = importers.import_file(
            path,
            file_format,
            log,
            settings.imports,
            mapping=mapping,
            currency=currency,
            progress=progress,
            mark_pending=is_started(settings),
            dry_run=dry_run,
        )
    if not dry_run:
        with counter("history") as progress:
            history.export(log, settings.history, progress=progress)
    if as_json:
        say(report.to_json().rstrip())
    else:
        say(report.text())
