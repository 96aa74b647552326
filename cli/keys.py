"""`retain keys`: who may ask the service for what; add, list, revoke and rotate API keys."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import AsJson, require_database, settings_of
from cli.screen import answer, say, table
from retain.clock import iso, now
from retain.errors import InvalidInput

if TYPE_CHECKING:
    from retain.keys import Key, Keys, Scope

app = typer.Typer(
    name="keys",
    no_args_is_help=True,
    help="API keys of the service: who may ask it for what.",
)
_SCOPES = "score, ingest, admin or metrics"
_ADD = "retain keys add --scope score --name crm"
_Id = Annotated[str, typer.Argument(metavar="ID", help="From `retain keys list`.")]


@app.command()
def add(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Option(help="Whose it is; several keys may share a name.")],
    scope: Annotated[
        list[str], typer.Option(metavar="SCOPE", help=f"{_SCOPES}; give it once for each.")
    ],
    rate: Annotated[
        float | None,
        typer.Option(metavar="N", help="Requests a second it is admitted to; default: no limit."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once: what is kept of it opens nothing.

    score: /predict, /rank and /decisions. ingest: /events and /feedback. admin: /customers,
    /models and /deliveries. metrics: /metrics, which admin opens too. A running service knows
    the key within seconds.

    Example: retain keys add --scope score --scope ingest --name crm --rate 200
    """
    made, text = _keys(context).add(name, [_scope(one) for one in scope], rate)
    _show_new(made, text, as_json=as_json)


@app.command("list")
def list_keys(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that open nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Keys with their scopes and states, never their secrets.

    Example: retain keys list --all
    """
    moment = now()
    found = [one for one in _made(context).all() if every or one.opens(moment)]
    if as_json:
        answer([_told(one, moment) for one in found])
    elif found:
        names = ("id", "name", "scopes", "rate", "state", "created_at", "expires_at", "revoked_at")
        rows = [_told(one, moment) | {"scopes": " ".join(sorted(one.scopes))} for one in found]
        table(names, [[row[name] for name in names] for row in rows])
    else:
        say(f"there is no key; make one: {_ADD}")


@app.command()
def revoke(context: typer.Context, key_id: _Id, *, as_json: AsJson = False) -> None:
    """Have a key open nothing any more; running services stop taking it within seconds.

    Example: retain keys revoke 4hq7c2mb
    """
    done = _made(context).revoke(key_id)
    if as_json:
        answer(_told(done, now()))
    else:
        say(f"{done.id} ({done.name}) opens nothing any more")


@app.command()
def rotate(
    context: typer.Context,
    key_id: _Id,
    *,
    overlap_hours: Annotated[
        float, typer.Option(min=0, metavar="HOURS", help="How long the old key is good yet.")
    ] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Make a key like another, which stays good for a while: time to exchange them.

    Example: retain keys rotate 4hq7c2mb --overlap-hours 48
    """
    try:
        overlap = timedelta(hours=overlap_hours)
        now() + overlap
    except (OverflowError, ValueError):
        raise InvalidInput("no such number of hours", field="--overlap-hours") from None
    made, text = _made(context).rotate(key_id, overlap)
    _show_new(made, text, as_json=as_json)


def _keys(context: typer.Context) -> "Keys":
    from retain.database import connect
    from retain.keys import Keys

    return Keys(connect(settings_of(context).database_url))


def _made(context: typer.Context) -> "Keys":
    require_database(settings_of(context), nothing="no keys", first=f"make one first: {_ADD}")
    return _keys(context)


def _scope(given: str) -> "Scope":
    from retain.keys import Scope

    try:
        return Scope(given)
    except ValueError:
        raise InvalidInput(
            f"there is no scope {given!r}", remedy=f"write {_SCOPES}", field="--scope"
        ) from None


def _show_new(made: "Key", text: str, *, as_json: bool) -> None:
    if as_json:
        answer({**_told(made, now()), "key": text})
    else:
        say(text)
        say(f"  {made.name}: {' '.join(sorted(made.scopes))}; it is not shown again")


def _told(key: "Key", moment: datetime) -> dict[str, Any]:
    state = "good" if key.opens(moment) else "expired" if key.revoked_at is None else "revoked"
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "rate": key.rate,
        "state": state,
        "created_at": iso(key.created_at),
        "expires_at": None if key.expires_at is None else iso(key.expires_at),
        "revoked_at": None if key.revoked_at is None else iso(key.revoked_at),
    }
