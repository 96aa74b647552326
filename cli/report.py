"""`retain report`: a training run's evaluation as a page, and rolling cutoffs beside it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import AsJson, AsOf, settings_of, time_of
from cli.progress import stages
from cli.screen import answer, say, shown
from retain.errors import NotFound, UnreadableFile

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from retain.settings import Settings
    from training.rolling_cutoffs import RollingCutoff


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(report)


def report(
    context: typer.Context,
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Name of the run; default: the latest.")
    ] = None,
    *,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Train and judge again at monthly cutoffs.")
    ] = False,
    horizon_days: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Of the rolling cutoffs, repeated; default: the run's and 30."),
    ] = None,
    day_of_month: Annotated[
        int | None, typer.Option(min=1, max=28, help="Default: the latest whose labels fit.")
    ] = None,
    cutoffs: Annotated[
        int | None, typer.Option(min=1, help="Per horizon, the latest; default: a year's history.")
    ] = None,
    as_of: AsOf = None,
    sensitive: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Attribute of the fairness table, repeated."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="PARQUET", help="Of a simulated shop: show the distance to it."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the page goes; default: the run.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a training run's evaluation as one HTML page, with a model card beside it.

    With --rolling also train at monthly cutoffs on what was known at each, score everyone with
    an order in the last year, and compare with what came, beside every baseline. That needs no
    training run.

    Example: retain report --rolling --day-of-month 9 --horizon-days 90 --horizon-days 30
    """
    settings = settings_of(context)
    trained = _trained(settings, run, needed=not rolling or truth is not None)

    from training import configuration, holdout, rolling_files
    from training.report import build

    declared = configuration.load(settings.config)
    attributes = tuple(dict.fromkeys((*declared.sensitive, *(sensitive or ()))))
    holdout.check(attributes)
    known = _truth(truth)
    last = time_of(as_of, settings)
    folder = trained or settings.evaluations / f"rolling-{last:%Y%m%dT%H%M%SZ}"
    found = None
    if rolling:
        own = _horizon_of(trained) if trained else declared.horizon_days
        horizons = horizon_days or sorted({own, 30}, reverse=True)
        found = _roll(settings, folder, _cutoffs(settings, last, horizons, day_of_month, cutoffs))
    built = (
        build.build(folder, out=out, sensitive=attributes, known_truth=known)
        if trained
        else build.build_rolling(folder, out=out)
    )
    if as_json:
        card = None if built.card is None else str(built.card)
        answer({**built.content, "page": str(built.html), "card": card})
        return
    if trained:
        say((folder / "evaluation.txt").read_text("utf-8").rstrip())
        say()
    if found:
        say(rolling_files.text(found))
        say()
    say(f"page   {shown(built.html)}")
    if built.card:
        say(f"card   {shown(built.card)}")
    else:
        say("rolling cutoffs alone; for curves, parts and a model card: retain train")


def _horizon_of(folder: Path) -> int:
    import json

    evaluation = json.loads((folder / "evaluation.json").read_text("utf-8"))
    return int(evaluation["horizon_days"])


def _truth(path: Path | None) -> "pa.Table | None":
    if path is None:
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    from training import oracle

    try:
        return oracle.check(pq.read_table(path))
    except (OSError, pa.ArrowInvalid) as error:
        raise UnreadableFile(
            f"{path} cannot be read: {error}",
            remedy="give the truth.parquet that `retain simulate` wrote",
            field="--truth",
        ) from error


def _trained(settings: "Settings", run: str | None, *, needed: bool) -> Path | None:
    """The folder of a training run; None where there is none and rolling cutoffs do without."""
    written = sorted(settings.evaluations.glob("*/evaluation.json"), key=_age)
    if run is not None:
        written = [one for one in written if one.parent.name == run]
    if not written and run is None and not needed:
        return None
    if not written:
        raise NotFound(
            f"no evaluation {'of ' + run if run else ''} under {settings.evaluations}",
            remedy="see the folder for the names of runs, or run `retain train` first",
        )
    return written[-1].parent


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def _cutoffs(
    settings: "Settings",
    last: "datetime",
    horizons: list[int],
    day_of_month: int | None,
    cutoffs: int | None,
) -> "list[RollingCutoff]":
    from feature_repo.source import OfflineSource
    from training import rolling_cutoffs

    span = OfflineSource(settings, last).span()
    return rolling_cutoffs.choose(*span, horizons, day_of_month=day_of_month, cutoffs=cutoffs)


def _roll(settings: "Settings", folder: Path, chosen: "list[RollingCutoff]") -> dict[str, Any]:
    from training import fitting, rolling, rolling_files

    with stages() as progress:
        rolled = rolling.roll(settings, chosen, fitting.SEED, progress=progress)
        progress("judging", 0, 1)
        found = rolling_files.write(folder, rolled, fitting.SEED)
        progress("judging", 1, 1)
    return found
