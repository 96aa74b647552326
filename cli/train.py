"""`retain train`: fit, judge and register every head."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import AsJson, AsOf, filled_log, moment_of, settings_of
from cli.progress import stages
from cli.promotion import entry_of, left_out, promote_run
from cli.screen import answer, say
from retain.errors import InvalidInput
from retain.settings import Settings

if TYPE_CHECKING:
    from training.configuration import Training

_DECLARED = "as training.yaml says"


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(train)


def train(
    context: typer.Context,
    *,
    as_of: AsOf = None,
    horizon_days: Annotated[
        int | None,
        typer.Option(min=1, help="How far ahead labels look.", show_default=f"{_DECLARED}: 90"),
    ] = None,
    churn_label: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="What leaving means; see above.",
            show_default=f"{_DECLARED}: no_order",
        ),
    ] = None,
    hiatus_days: Annotated[
        str | None,
        typer.Option(
            metavar="DAYS",
            help="Silence after which a customer has left; `learned` finds the best rule.",
            show_default=f"{_DECLARED}: learned",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed and data give the same models.")] = 7,
    tune: Annotated[
        bool, typer.Option("--tune", help="Search for better parameters first, within a budget.")
    ] = False,
    trials: Annotated[
        int | None,
        typer.Option(min=1, help="Of --tune: trials per head.", show_default=f"{_DECLARED}: 20"),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Of --tune: minutes per head.", show_default=f"{_DECLARED}: 10"),
    ] = None,
    promote: Annotated[
        bool, typer.Option(help="Promote heads above their baseline, and any without a champion.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Promote also what is not above its baseline.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option(help="Why; the sentence stands in the ledger. --force needs one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train every head on what was known before a moment, and write the evaluation.

    Labels of leaving: no_order, no_activity, subscription_not_renewed.

    Example: retain train --as-of 2011-03-10 --horizon-days 90
    """
    settings = settings_of(context)
    _check(promote=promote, force=force, reason=reason)
    _check_search(tune=tune, trials=trials, minutes=minutes)
    declared = _declared(
        settings,
        horizon_days=horizon_days,
        label=churn_label,
        hiatus_days=hiatus_days,
        trials=trials,
        minutes=minutes,
    )
    moment = moment_of(as_of, settings, filled_log(settings))

    from training import pipeline

    with stages() as progress:
        run = pipeline.train(
            settings,
            as_of=moment,
            seed=seed,
            declared=declared,
            tune=tune,
            progress=progress,
        )
    promoted = promote_run(settings, run, force=force, reason=reason) if promote else []
    waiting = left_out(run, promoted)
    if as_json:
        entries = [entry_of(one) for one in promoted]
        answer({**run.as_json(), "promoted": entries, "not_promoted": waiting})
        return
    say(run.text())
    say()
    for one in promoted:
        say(f"champion: {one.head}:{one.version}, {one.reason}")
    for name, why in waiting.items():
        say(f"not promoted: {name}, {why}")
    say(f"written to {run.folder}")


def _check(*, promote: bool, force: bool, reason: str | None) -> None:
    if force and not (reason or "").strip():
        raise InvalidInput(
            "a promotion by force needs a reason", remedy="add --reason", field="--reason"
        )
    if force and not promote:
        raise InvalidInput(
            "--force promotes, and --no-promote does not",
            remedy="give one of them",
            field="--force",
        )


def _check_search(*, tune: bool, trials: int | None, minutes: float | None) -> None:
    given = {"--trials": trials, "--minutes": minutes}
    budget = next((flag for flag, value in given.items() if value is not None), None)
    if budget and not tune:
        raise InvalidInput(
            f"{budget} is of a search, and none is asked for",
            remedy=f"add --tune, or leave {budget} out",
            field=budget,
        )
    if tune:
        from training import tuning

        tuning.library()  # before the data is read


def _declared(settings: Settings, **flags: str | float | None) -> "Training":
    """What stands in ``training.yaml``, with the flags in its place where they are given."""
    from training import configuration

    given = {name: value for name, value in flags.items() if value is not None}
    return configuration.load(settings.config).told(given)
