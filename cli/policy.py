"""`retain policy`: what policies would have brought, before any of them answers."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.context import AsJson, AsOf, filled_log, moment_of, settings_of
from cli.screen import answer, say, shown, table
from retain.errors import InvalidInput, NoModel

if TYPE_CHECKING:
    from retain.settings import Settings
    from training.policies.comparing import Models

app = typer.Typer(
    name="policy", no_args_is_help=True, help="What policies would have brought, from the log."
)


@app.callback()
def _policy() -> None:
    """What policies would have brought, from the log."""


@app.command()
def evaluate(
    context: typer.Context,
    *,
    log: Annotated[
        Literal["campaigns", "decisions"],
        typer.Option(help="Campaigns with a hold-out, or the service's own decisions."),
    ] = "campaigns",
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="response:VERSION", help="Beside the champion, repeated; default: the newest."
        ),
    ] = None,
    reward: Annotated[
        Literal["orders", "profit"],
        typer.Option(help="Who ordered, or the margin of what they bought; less costs."),
    ] = "orders",
    cost: Annotated[
        float | None,
        typer.Option(min=0.0, help="Of a contact, in orders or money; default: 0, or declared."),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Of revenue; default: as declared.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Default: after what any of the models learned from."),
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Compare policies on decisions that chance had a part in.

    The champion's policy, challengers', single actions, chance and doing nothing, by DR, IPS
    and SNIPS with 95 % intervals over resampled customers. A challenger whose difference to the
    champion lies above zero may be promoted: `retain models promote` reads what this writes.

    Example: retain policy evaluate --reward profit
    """
    settings = settings_of(context)
    moment = moment_of(as_of, settings, filled_log(settings))
    models = _models(settings, model or [])

    from feature_repo.source import OfflineSource
    from retain.clock import parse_utc
    from retain.database import connect
    from retain.decisions import catalogues
    from training import logged
    from training.policies import comparing

    since = parse_utc(after, field="--after") if after else None
    source, profit = OfflineSource(settings, moment), reward == "profit"
    if log == "decisions":
        engine = connect(settings.database_url)
        known = logged.read(engine, settings.config, moment)
        found = comparing.on_decisions(
            source,
            engine,
            known,
            moment,
            models,
            profit=profit,
            cost=cost,
            margin=margin,
            after=since,
        )
    else:
        catalogue = catalogues.load(settings.config / "actions.yaml") if profit else None
        until = since or models.learned_until() or moment
        economy = comparing.economy(source, until, catalogue, cost=cost, margin=margin)
        found = comparing.on_campaigns(source, moment, models, economy, after=since)
    path = found.write(settings.evaluations, f"{log}-{reward}-{moment:%Y%m%dT%H%M%SZ}")
    if as_json:
        answer({**found.as_json(), "evaluation": str(path)})
        return
    header, *rows = found.rows()
    table(header, rows)
    say()
    for sentence in found.sentences():
        say(sentence)
    say(f"evaluation   {shown(path)}")


def _models(settings: "Settings", named: list[str]) -> "Models":
    from retain import artefacts
    from retain.database import connect
    from retain.ledger import Ledger
    from retain.predictors import ResponsePredictor, load_all
    from training.policies.comparing import Models

    champion = Ledger(connect(settings.database_url)).champion("response")
    versions = [] if champion is None else [champion]
    for name in named:
        head, _, version = name.partition(":")
        if head != "response" or not version:
            raise InvalidInput(
                f"{name!r} names no response model",
                remedy="write response:VERSION, see `retain models list`",
                field="--model",
            )
        versions.append(version)
    if not named:
        stored = artefacts.versions(settings.bentoml_home, "response")
        versions += stored[-1:]
    if not versions:
        raise NoModel("there is no response model yet", remedy="run `retain train`")
    folders = [
        artefacts.folder(settings.bentoml_home, "response", one) for one in dict.fromkeys(versions)
    ]
    loaded = [one for one in load_all(folders) if isinstance(one, ResponsePredictor)]
    return Models(loaded, None if champion is None else f"response:{champion}")
