"""`retain experiments`: what runs, what was found, how many customers it takes."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import experiment_size
from cli.context import AsJson, AsOf, settings_of, time_of
from cli.progress import stages
from cli.screen import answer, say, shown, table
from retain.clock import iso, parse_utc
from retain.errors import InvalidInput

app = typer.Typer(
    name="experiments",
    no_args_is_help=True,
    help="List experiments, report what they found, size them, shift a bandit.",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="As declared in experiments.yaml.")]
PAGES = "experiments"
app.command()(experiment_size.size)


@app.command("list")
def list_experiments(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Every declared experiment, with the customers it needs.

    Example: retain experiments list
    """
    from training.experiments import sizes

    rows: list[dict[str, Any]] = []
    for one in experiment_size.declared(settings_of(context)).config.experiments:
        sample = sizes.required(one)
        rows.append(
            {
                "experiment": one.name,
                "status": one.status,
                "layer": one.layer,
                "traffic": f"{one.traffic[0]:g}-{one.traffic[1]:g}",
                "arms": ", ".join(f"{cell.name} {cell.share:.0%}" for cell in one.cells),
                "start": None if one.start is None else iso(one.start),
                "end": None if one.end is None else iso(one.end),
                "required": None if sample is None else sample.always_valid,
            }
        )
    if as_json:
        answer(rows)
    elif rows:
        table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        say("no experiments are declared; config/experiments.yaml shows how")


@app.command()
def report(
    context: typer.Context,
    name: Name,
    *,
    as_of: AsOf = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the page goes; default: the home.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What an experiment found: lift, guardrails, sample ratio, as one HTML page with plots.

    It may be asked for on any day: its intervals hold at every look.

    Example: retain experiments report deeper_coupons
    """
    settings = settings_of(context)
    experiment = experiment_size.declared(settings).named(name)

    from training.experiments import page, reading, words

    with stages() as progress:
        analysis, shifts = reading.analysed(
            settings, experiment, time_of(as_of, settings), progress
        )
    target = out or settings.home / PAGES / f"{name}.html"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page.render(analysis, shifts), encoding="utf-8")
    if as_json:
        answer({**analysis.as_json(), "page": str(target)})
        return
    say(words.headline(analysis))
    say(words.progress(analysis))
    say(words.balance(analysis))
    for note in analysis.notes:
        say(f"note: {note}")
    say()
    table(
        ["comparison", "metric", "lift", "difference per customer", "verdict"],
        [
            (one.contrast.name, one.metric, words.lift(one), words.difference(one), told)
            for one, told in [
                *((one, words.verdict(one)) for one in (*analysis.primary, *analysis.secondary)),
                *((one.effect, words.guarded(one)) for one in analysis.guardrails),
            ]
        ],
    )
    say()
    say(f"page   {shown(target)}")


@app.command()
def shift(
    context: typer.Context,
    name: Name,
    *,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="When the shares begin; default: in 10 min."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say them, record nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shift a bandit's traffic to the arms that convert better; run it once a day.

    The new shares are recorded with the moment they begin to hold, so that every later reader
    knows the probability each customer was assigned with.

    Example: retain experiments shift subject_lines
    """
    from retain.database import connect
    from retain.experiments.shares import ShareBook
    from training.experiments import bandit, reading

    settings = settings_of(context)
    experiment = experiment_size.declared(settings).named(name)
    if experiment.bandit is None:
        raise InvalidInput(
            f"{name} is no bandit: its shares are fixed",
            remedy="declare `bandit: {floor: 0.05}` in a new experiment",
            field="NAME",
        )
    now = time_of(None, settings)
    begins = parse_utc(since, field="--from") if since else now + timedelta(minutes=10)
    with stages() as progress:
        analysis, _ = reading.analysed(settings, experiment, now, progress)
    arms = [cell.name for cell in experiment.cells]
    found = bandit.shift(arms, analysis.sums["conversion"], experiment.bandit.floor)
    if not dry_run:
        ShareBook(connect(settings.database_url)).record(
            experiment, found.shares, since=begins, now=now, because=found.because()
        )
    if as_json:
        answer({"shares": found.shares, "since": iso(begins), **found.because()})
        return
    table(
        ["arm", "customers", "conversion", "best with probability", "share"],
        [
            (
                arm,
                f"{found.customers[arm]:,}",
                f"{found.rates[arm]:.2%}",
                f"{found.best[arm]:.1%}",
                f"{found.shares[arm]:.1%}",
            )
            for arm in arms
        ],
    )
    say("nothing was recorded" if dry_run else f"holds from {iso(begins)}")
