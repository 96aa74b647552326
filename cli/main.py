"""The `retain` command."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import (
    deliveries,
    demo,
    doctor,
    experiments,
    features,
    identity,
    importing,
    keys,
    models,
    policy,
    report,
    score,
    serve,
    simulate,
    train,
)
from cli.screen import show_error
from retain import settings as settings_module
from retain.errors import InvalidInput, RetainError

OPERATION_FAILED = 1
INVALID_INPUT = 2

app = typer.Typer(
    name="retain",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="Exit codes: 0 done, 1 an operation or check failed, 2 invalid usage or input.",
)


@app.callback()
def _retain(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where state lives (RETAIN_HOME, default .retain)."),
    ] = None,
) -> None:
    """Customer scores from events: churn, next purchase, lifetime value, next best action."""
    context.obj = settings_module.load(home=home)


for module in (demo, importing, simulate, train, report, score, serve, doctor):
    module.register(app)
app.add_typer(deliveries.app)
app.add_typer(features.app)
app.add_typer(experiments.app)
app.add_typer(identity.app)
app.add_typer(keys.app)
app.add_typer(models.app)
app.add_typer(policy.app)


def main() -> None:
    """Run the command line; domain errors become one line, a remedy and an exit code."""
    # what libraries have to say to their developers is not for who runs a command
    logging.captureWarnings(capture=True)
    # OpenMP threads that wait by spinning halve the speed of training on a shared machine
    os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        app()
    except RetainError as error:
        show_error(error)
        sys.exit(INVALID_INPUT if isinstance(error, InvalidInput) else OPERATION_FAILED)
    except OSError as error:
        if error.filename is None:
            raise
        show_error(RetainError(f"{error.filename}: {error.strerror}"))
        sys.exit(OPERATION_FAILED)


if __name__ == "__main__":
    main()
