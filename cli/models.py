"""`retain models`: which models exist, which one answers, and who allowed it."""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import AsJson, settings_of
from cli.promotion import entry_of
from cli.screen import answer, pairs, say, table
from retain.clock import iso
from retain.errors import InvalidInput, NoModel
from retain.settings import Settings

if TYPE_CHECKING:
    from retain.ledger import Entry, Ledger
    from retain.manifest import Head, Manifest

app = typer.Typer(
    name="models", no_args_is_help=True, help="List, show, promote and roll back models."
)


def _somebody() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


By = Annotated[
    str,
    typer.Option(
        default_factory=_somebody,
        show_default="your login",
        help="Who decides; the name stands in the ledger.",
    ),
]
Reason = Annotated[str, typer.Option(help="Why; the sentence stands in the ledger.")]
ModelName = Annotated[
    str, typer.Argument(metavar="MODEL", help="A head (its champion) or HEAD:VERSION.")
]
HeadName = Annotated[str, typer.Argument(metavar="HEAD", help="churn, next_purchase, ltv, …")]


@app.command("list")
def list_models(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Every model in the store, oldest first; the champion of each head is marked.

    Example: retain models list
    """
    from retain import artefacts, manifest

    settings = settings_of(context)
    rows: list[dict[str, Any]] = []
    stored = {head: artefacts.versions(settings.bentoml_home, head) for head in manifest.HEADS}
    ledger = _ledger(settings) if any(stored.values()) else None
    for head, versions in stored.items():
        champion = ledger.champion(head) if ledger else None
        for version in versions:
            found = manifest.read(artefacts.folder(settings.bentoml_home, head, version))
            rows.append(
                {
                    "model": found.name,
                    "role": "champion" if version == champion else "",
                    "trained_as_of": iso(found.training.as_of),
                    "horizon_days": found.horizon_days,
                    "rows": found.training.rows,
                    "beats_baseline": found.beats_baseline,
                }
            )
    if as_json:
        answer(rows)
    elif rows:
        table(list(rows[0]), [list(row.values()) for row in rows])
    else:
        say("no models yet; train some: retain train")


@app.command()
def show(context: typer.Context, model: ModelName, *, as_json: AsJson = False) -> None:
    """One model's manifest: label, window, metrics beside the dumb rule, digests.

    Example: retain models show churn
    """
    found = _manifest(settings_of(context), model)
    if as_json:
        answer(found.model_dump(mode="json"))
        return
    pairs(
        {
            "model": found.name,
            "label": found.label,
            "population": found.population,
            "horizon": f"{found.horizon_days} days",
            "trained as of": iso(found.training.as_of),
            "window": found.training.statement,
            "rows": f"{found.training.rows:,}",
            "features": len(found.features),
            "beats baseline": "yes" if found.beats_baseline else "no",
            "data": found.data_digest,
            "code": found.code_revision,
        }
    )
    say()
    measured = {**found.metrics, **found.baselines}
    table(
        ["metric", "value", "95 % interval"],
        [(name, f"{m.value:.4g}", f"{m.low:.4g} to {m.high:.4g}") for name, m in measured.items()],
    )


@app.command()
def promote(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="HEAD:VERSION", help="As `models list` says.")],
    *,
    reason: Reason,
    by: By,
    force: Annotated[
        bool, typer.Option("--force", help="Also one not above its baseline or the champion.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a model the champion of its head, after its files proved sound.

    Example: retain models promote churn:ab12cd34ef56 --reason "better in the March evaluation"
    """
    from retain import artefacts, predictors
    from training import promotion

    settings = settings_of(context)
    if ":" not in model:
        raise InvalidInput(
            f"{model!r} names no version", remedy="write HEAD:VERSION, see `retain models list`"
        )
    found = _manifest(settings, model)
    predictors.verify([artefacts.folder(settings.bentoml_home, found.head, found.version)])
    entry = promotion.promote(
        _ledger(settings),
        found,
        by=by,
        reason=reason,
        force=force,
        evaluations=settings.evaluations,
        store=settings.bentoml_home,
    )
    _show_entries([entry], as_json=as_json)


@app.command()
def rollback(
    context: typer.Context,
    head: HeadName,
    *,
    reason: Reason,
    by: By,
    as_json: AsJson = False,
) -> None:
    """Make the champion before the present one champion again.

    Example: retain models rollback churn --reason "calibration drifted"
    """
    entry = _ledger(settings_of(context)).rollback(_head(head), by=by, reason=reason)
    _show_entries([entry], as_json=as_json)


@app.command()
def history(
    context: typer.Context,
    head: Annotated[str | None, typer.Argument(metavar="[HEAD]", help="Of one head only.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Every promotion and rollback, oldest first: when, what, by whom, why.

    Example: retain models history churn
    """
    entries = _ledger(settings_of(context)).history(_head(head) if head else None)
    _show_entries(entries, as_json=as_json)


def _ledger(settings: Settings) -> "Ledger":
    from retain.database import connect
    from retain.ledger import Ledger

    if not settings.bentoml_home.is_dir():
        raise NoModel(
            f"there are no models in {settings.home}",
            remedy="run `retain train`, or name another home: --home or RETAIN_HOME",
        )
    return Ledger(connect(settings.database_url))


def _head(name: str) -> "Head":
    from retain.manifest import HEADS

    for head in HEADS:
        if head == name.replace("-", "_"):
            return head
    raise InvalidInput(f"there is no head {name!r}", remedy=f"one of: {', '.join(HEADS)}")


def _manifest(settings: Settings, model: str) -> "Manifest":
    from retain import artefacts, manifest

    name, _, version = model.partition(":")
    head = _head(name)
    version = version or _ledger(settings).champion(head) or ""
    if not version:
        raise NoModel(f"{head} has no champion yet", remedy="run `retain train`")
    return manifest.read(artefacts.folder(settings.bentoml_home, head, version))


def _show_entries(entries: "list[Entry]", *, as_json: bool) -> None:
    if as_json:
        answer([entry_of(entry) for entry in entries])
    elif entries:
        table(
            ["at", "act", "model", "before", "by", "reason"],
            [
                (
                    f"{e.at:%Y-%m-%d %H:%M:%S}",
                    e.act,
                    f"{e.head}:{e.version}",
                    e.previous,
                    e.by,
                    e.reason,
                )
                for e in entries
            ],
        )
    else:
        say("the ledger is empty; `retain train` promotes the first models")
