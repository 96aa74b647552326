"""`retain features`: compute what is known about every customer, and load it for serving."""

import time

import typer

from cli.context import AsJson, AsOf, filled_log, moment_of, settings_of
from cli.progress import stages
from cli.screen import answer, say
from retain.clock import iso

app = typer.Typer(
    name="features", no_args_is_help=True, help="Compute features, and load them for serving."
)


@app.command()
def build(context: typer.Context, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Write every customer's features at a moment as Parquet; what is current is kept.

    Training builds the moments it needs by itself.

    Example: retain features build --as-of 2011-03-10
    """
    settings = settings_of(context)
    moment = moment_of(as_of, settings, filled_log(settings))

    from feature_repo import offline

    began = time.monotonic()
    with stages() as progress:
        files = offline.build(settings, [moment], progress)
    seconds, customers = time.monotonic() - began, offline.count_at(settings, moment)
    if as_json:
        answer(
            {
                "as_of": iso(moment),
                "customers": customers,
                "seconds": round(seconds, 3),
                "files": [str(file) for file in files],
            }
        )
    else:
        say(f"features of {customers:,} customers at {iso(moment)}, in {seconds:.1f} s:")
        for file in files:
            say(f"  {file}")


@app.command()
def materialize(context: typer.Context, *, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Load every customer's features at a moment into the online store.

    Example: retain features materialize
    """
    settings = settings_of(context)
    moment = moment_of(as_of, settings, filled_log(settings))

    from feature_repo.materialize import materialize as load_online

    began = time.monotonic()
    with stages() as progress:
        customers = load_online(settings, moment, progress)
    seconds = time.monotonic() - began
    if as_json:
        answer({"as_of": iso(moment), "customers": customers, "seconds": round(seconds, 3)})
    else:
        say(f"{customers:,} customers are online as of {iso(moment)}, in {seconds:.1f} s")
