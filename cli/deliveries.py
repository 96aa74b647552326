"""`retain deliveries`: decisions of triggers that wait or are dead, and sending these again."""

from typing import Annotated

import typer

from cli.context import AsJson, require_database, settings_of, time_of
from cli.screen import answer, say, table
from retain.errors import Conflict, InvalidInput

app = typer.Typer(
    name="deliveries",
    no_args_is_help=True,
    help="What triggers have to deliver: what waits, what is dead, and sending it again.",
)
_COLUMNS = ("delivery_id", "trigger_id", "customer_id", "action_id", "endpoint", "state")


@app.command("list")
def list_deliveries(
    context: typer.Context,
    *,
    dead: Annotated[
        bool, typer.Option("--dead", help="Only those whose attempts are used up.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Deliveries that wait, and dead ones with the reason.

    Example: retain deliveries list --dead
    """
    from retain.database import connect
    from retain.triggers.resending import listed
    from retain.triggers.tables import DEAD, PENDING

    states = (DEAD,) if dead else (PENDING, DEAD)
    settings = settings_of(context)
    require_database(settings)
    found = listed(connect(settings.database_url), states)
    names = (*_COLUMNS, "attempts", "expires_at", "why")
    if as_json:
        answer(found)
    elif found:
        table(names, [[one[name] for name in names] for one in found])
    else:
        say("no delivery is dead" if dead else "no delivery waits or is dead")


@app.command()
def resend(
    context: typer.Context,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID…", help="From `retain deliveries list`.")
    ] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Every dead one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have dead deliveries tried again, under the same ids, by the service that runs.

    Their contacts were given back: each is counted again, and where a limit forbids that by
    now, or the decision has expired, the delivery stays dead and the exit code is 1.

    Example: retain deliveries resend 01JD0Z6ZC4M1W9T3A7S5K2H8QX
    """
    if bool(ids) == all_:
        raise InvalidInput("name deliveries, or say --all", field="ID")
    settings = settings_of(context)

    from retain.database import connect
    from retain.decisions import catalogues
    from retain.decisions.caps import Limiter
    from retain.triggers.resending import Resending, listed
    from retain.triggers.tables import DEAD

    require_database(settings)
    engine = connect(settings.database_url)
    limiter = Limiter(catalogues.load(settings.config / "actions.yaml"))
    resending = Resending(engine, limiter, lambda: time_of(None, settings))
    told: list[dict[str, str | None]] = []
    for one in ids or [each["delivery_id"] for each in listed(engine, (DEAD,))]:
        try:
            resending.again(one)
        except Conflict as error:
            told.append({"delivery_id": one, "status": "refused", "reason": error.message})
        else:
            told.append({"delivery_id": one, "status": "pending", "reason": None})
    if as_json:
        answer(told)
    elif not told:
        say("no delivery is dead")
    else:
        for each in told:
            say(f"{each['delivery_id']}  {each['reason'] or 'is tried again'}")
    if any(each["reason"] for each in told):
        raise typer.Exit(1)
