"""`retain doctor`: does everything that serving needs stand, and fit together?"""

import ctypes
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path

import typer

from cli.context import AsJson, open_log, settings_of, time_of
from cli.screen import answer, say
from retain.clock import iso
from retain.errors import NotEnoughData, RetainError, StoreUnavailable
from retain.settings import Settings

SAMPLE = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: ``remedy`` where it is not ``ok``, ``warning`` where it only lacks."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""
    warning: str = ""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(doctor)


def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Check home, log, history, champions and online store; exit code 1 where one fails.

    Example: retain doctor
    """
    findings = examine(settings_of(context))
    if as_json:
        answer(
            [
                {"check": f.check, "ok": f.ok, "detail": f.detail}
                | ({"warning": f.warning} if f.warning else {})
                for f in findings
            ]
        )
    else:
        for finding in findings:
            say(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check:<13} {finding.detail}")
            if finding.warning:
                say(f"warn  {finding.check:<13} {finding.warning}")
            if finding.remedy:
                say(f"{'':<20}remedy: {finding.remedy}")
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order in which one builds on the other."""
    checks: dict[str, Callable[[Settings], str | Finding]] = {
        "home": _home,
        "openmp": _openmp,
        "event log": _log,
        "history": _history,
        "champions": _champions,
        "online store": _online,
    }
    return [_found(name, check, settings) for name, check in checks.items()]


def _found(name: str, check: Callable[[Settings], str | Finding], settings: Settings) -> Finding:
    try:
        found = check(settings)
        return found if isinstance(found, Finding) else Finding(name, ok=True, detail=found)
    except RetainError as error:
        return Finding(name, ok=False, detail=error.message, remedy=error.remedy)
    except OSError as error:
        return Finding(name, ok=False, detail=str(error), remedy="mend what is above first")


def _home(settings: Settings) -> str:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):
            return str(settings.home)
    except OSError as error:
        raise StoreUnavailable(
            f"{settings.home} is not writable: {error.strerror}",
            remedy="give another folder with --home or RETAIN_HOME",
        ) from error


def _openmp(_settings: Settings) -> str:
    # the library itself, without the seconds that the packages around it take to import
    [library] = Path(str(distribution("lightgbm").locate_file("lightgbm"))).glob(
        "lib/lib_lightgbm.*"
    )
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        raise StoreUnavailable(
            f"LightGBM does not load: {error}",
            remedy="apt-get install libgomp1, dnf install libgomp, or brew install libomp",
        ) from error
    return f"LightGBM {version('lightgbm')} loads"


def _log(settings: Settings) -> str:
    log = open_log(settings)
    last = log.last_event_at()
    if last is None:
        raise NotEnoughData("the event log is empty", remedy="run `retain import` or scripts/demo")
    pending = len(log.pending())
    waiting = f", {pending} customers wait for fresh features" if pending else ""
    return f"{log.count():,} events, the last at {iso(last)}{waiting}"


def _history(settings: Settings) -> str:
    from retain import history

    behind = open_log(settings).last_seq() - history.exported_seq(settings.history)
    if behind:
        raise NotEnoughData(
            f"the Parquet history is {behind:,} events behind the log",
            remedy="run `retain features build`",
        )
    return "up to date with the log"


def _champions(settings: Settings) -> Finding:
    from retain.database import connect
    from retain.ledger import Ledger
    from retain.manifest import HEADS
    from services import preflight

    ledger = Ledger(connect(settings.database_url))
    champions = {head: version for head in HEADS if (version := ledger.champion(head))}
    preflight.require_heads(champions, settings)

    from retain import artefacts, predictors

    predictors.verify(
        artefacts.folder(settings.bentoml_home, head, version)
        for head, version in champions.items()
    )
    names = ", ".join(f"{head}:{version}" for head, version in champions.items())
    missing = ", ".join(preflight.without_champion(champions))
    return Finding(
        "champions",
        ok=True,
        detail=f"{names}: digests verified, models load",
        warning=f"no model for {missing}: answers say no_model, with null scores"
        if missing
        else "",
    )


def _online(settings: Settings) -> str:
    log = open_log(settings)
    first = next(log.after(0, chunk=1_000), None)
    ids = [] if first is None else first.column("customer_id").drop_null().unique().to_pylist()
    if not ids:
        raise NotEnoughData("nobody to look up: the log is empty", remedy="import something first")
    from feature_repo.online import OnlineReader

    moment = time_of(None, settings)
    read = OnlineReader(settings, log).read(ids[:SAMPLE], moment)
    stored = sum(at < moment for at in read.features_as_of.values())
    return f"reached; {stored} of {len(read.features_as_of)} sampled customers need no recomputing"
