"""What serving needs: home, libraries, stores and champions, each checked on its own."""

import ctypes
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import distribution, version
from pathlib import Path

from cli.context import has_database, open_log, require_database, time_of
from retain import native
from retain.clock import iso
from retain.errors import NotEnoughData, RetainError, StoreUnavailable
from retain.settings import Settings

SAMPLE = 20
MOST_BEHIND = 1_000_000
SHORT_REACH = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found: ``remedy`` where it is not ``ok``, ``warning`` where it only lacks."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""
    warning: str = ""

    @property
    def state(self) -> str:
        """``ok``, ``warn`` or ``fail``."""
        return "fail" if not self.ok else "warn" if self.warning else "ok"


def examine(settings: Settings) -> list[Check]:
    """Every check, in the order in which one builds on the other."""
    checks: dict[str, Callable[[Settings], str | Check]] = {
        "home": _home,
        "openmp": _openmp,
        "hot path": _hot_path,
        "event log": _log,
        "history": _history,
        "champions": _champions,
        "online store": _online,
        "calendar": _calendar,
    }
    return [_found(name, check, settings) for name, check in checks.items()]


def _found(name: str, check: Callable[[Settings], str | Check], settings: Settings) -> Check:
    try:
        found = check(settings)
        return found if isinstance(found, Check) else Check(name, ok=True, detail=found)
    except RetainError as error:
        return Check(name, ok=False, detail=error.message, remedy=error.remedy)
    except OSError as error:
        return Check(name, ok=False, detail=str(error), remedy="mend what is above first")


def _home(settings: Settings) -> str:
    if not settings.home.exists():
        raise NotEnoughData(
            f"there is no {settings.home}",
            remedy="name another: --home or RETAIN_HOME; or run `retain import` or scripts/demo",
        )
    try:
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


def _hot_path(_settings: Settings) -> Check:
    lacking = native.lacking()
    if not lacking:
        return Check("hot path", ok=True, detail="compiled")
    return Check(
        "hot path",
        ok=True,
        detail=f"{', '.join(lacking)} in Python: the same answers, slower",
        warning="run scripts/compile, with a C compiler and the headers of Python",
    )


def _log(settings: Settings) -> str:
    from retain.database import describe

    require_database(settings)
    log = open_log(settings)
    last = log.last_event_at()
    if last is None:
        raise NotEnoughData("the event log is empty", remedy="run `retain import` or scripts/demo")
    pending = len(log.pending())
    waiting = f", {pending} customers wait for fresh features" if pending else ""
    place = describe(log.engine)
    return f"{log.count():,} events, the last at {iso(last)}{waiting}; {place}"


def _history(settings: Settings) -> str | Check:
    from retain import history

    require_database(settings)
    log = open_log(settings)
    history.require_same_log(log, settings.history)
    exported = history.exported_seq(settings.history)
    behind = log.last_seq() - exported
    if behind and not exported:
        raise NotEnoughData(
            f"the Parquet history is {behind:,} events behind the log",
            remedy="run `retain features build`",
        )
    # a shop that is open is always ahead of its last export
    late = f"{behind:,} events came since the last export: run `retain features build` every night"
    return Check(
        "history",
        ok=True,
        detail=f"{behind:,} events behind the log" if behind else "up to date with the log",
        warning=late if behind > MOST_BEHIND else "",
    )


def _champions(settings: Settings) -> Check:
    from retain.database import connect
    from retain.ledger import Ledger
    from retain.manifest import HEADS
    from services import preflight

    require_database(settings)
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
    return Check(
        "champions",
        ok=True,
        detail=f"{names}: digests verified, models load",
        warning=f"no model for {missing}: answers say no_model, with null scores"
        if missing
        else "",
    )


def _online(settings: Settings) -> Check:
    require_database(settings)
    log = open_log(settings)
    first = next(log.after(0, chunk=1_000), None)
    ids = [] if first is None else first.column("customer_id").drop_null().unique().to_pylist()
    if not ids:
        raise NotEnoughData("nobody to look up: the log is empty", remedy="import something first")
    from feature_repo.online_ages import stored_ages

    sample = ids[:SAMPLE]
    ages = stored_ages(settings, sample, time_of(None, settings)).values()
    missing = round(max(age.missing for age in ages) * len(sample))
    empty = all(age.missing == 1 for age in ages)
    return Check(
        "online store",
        ok=True,
        detail=f"reached; {len(sample) - missing} of {len(sample)} sampled customers have rows",
        warning="it has no row of them, so every read computes: run `retain features materialize`"
        if empty
        else "",
    )


def _calendar(settings: Settings) -> Check:
    from retain.calendar import Calendar
    from retain.database import connect

    moment = time_of(None, settings)
    kept = has_database(settings)
    reach = Calendar(connect(settings.database_url)).reach(moment) if kept else None
    if reach is None:
        nothing = "empty: no holidays or promotions are known (`retain import --format calendar`)"
        return Check("calendar", ok=True, detail=nothing)
    ahead = reach.last - moment.date()
    regions = ", ".join(reach.regions[:5]) + (", …" if len(reach.regions) > 5 else "")
    where = f" in {regions}" if regions else ""
    return Check(
        "calendar",
        ok=True,
        detail=f"{reach.days:,} days{where}, {reach.first} to {reach.last}",
        warning=f"ends {max(ahead.days, 0)} days ahead of {moment.date()}: import what comes next"
        if ahead < SHORT_REACH
        else "",
    )
