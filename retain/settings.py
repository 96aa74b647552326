"""Settings: the only module that reads the environment."""

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from retain import access as _access
from retain import telemetry as _telemetry
from retain.access import Access
from retain.clock import parse_utc
from retain.cores import cores
from retain.errors import InvalidInput
from retain.telemetry import Telemetry

PROJECT_CONFIG = Path(__file__).resolve().parent.parent / "config"

FEATURE_TTL_DAYS = 30.0
TIMEOUT_MS = 10_000
IN_FLIGHT = 256
BACKLOG_MS = 50
DRAIN_SECONDS = 1
DEGRADED_MAX_AGE_MINUTES = 60

_MOST_WORKERS = 256
_MOST_DAYS = 100_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Where state lives and which clock is used.

    Attributes:
        home: folder of all state (``RETAIN_HOME``, default ``.retain``).
        database_url: SQLAlchemy URL of the operational store (``RETAIN_DATABASE_URL``).
        online_url: where the online features are (``RETAIN_ONLINE_URL``): ``sqlite:///`` and a
            path, or ``redis://host:port/db``; default a SQLite file of the home.
        config: folder with ``actions.yaml`` and ``segments.yaml`` (``RETAIN_CONFIG``).
        data: folder with public benchmark data (``RETAIN_DATA``).
        as_of: the pinned clock, or None for the real one (``RETAIN_AS_OF``).
        feature_ttl_days: age in days from which a stored value is no longer used
            (``RETAIN_FEATURE_TTL_DAYS``, default 30); zero is no limit.
        recompute: whether a read computes from the event log what the online store has not, or
            no longer (``RETAIN_RECOMPUTE``: ``always``, the default, or ``never``).
        timeout_ms: milliseconds in which a request is answered whose caller names none
            (``RETAIN_TIMEOUT_MS``, default 10,000); events have twice as long.
        in_flight: so many requests of a kind a worker has in hand at most
            (``RETAIN_IN_FLIGHT``, default 256).
        backlog_ms: milliseconds of work that may wait before a worker refuses more
            (``RETAIN_BACKLOG_MS``, default 50).
        drain_seconds: seconds for which a worker that is told to end still answers, closing
            connections (``RETAIN_DRAIN_SECONDS``, default 1).
        degraded_max_age_minutes: minutes for which stored features answer while the event log
            is away (``RETAIN_DEGRADED_MAX_AGE_MINUTES``, default 60); zero is not at all.
        receipts_apart: whether receipts of previews may be written by a process of their own
            (``RETAIN_RECEIPTS``: ``process``, the default where there is more than one core for
            this one, or ``thread``).
    """

    home: Path
    database_url: str
    online_url: str
    config: Path
    data: Path
    as_of: datetime | None
    feature_ttl_days: float = FEATURE_TTL_DAYS
    recompute: bool = True
    timeout_ms: int = TIMEOUT_MS
    in_flight: int = IN_FLIGHT
    backlog_ms: int = BACKLOG_MS
    drain_seconds: int = DRAIN_SECONDS
    degraded_max_age_minutes: int = DEGRADED_MAX_AGE_MINUTES
    receipts_apart: bool = False

    @property
    def history(self) -> Path:
        """Day-partitioned Parquet export of the event log."""
        return self.home / "history"

    @property
    def features(self) -> Path:
        """Offline feature snapshots, one folder per feature view."""
        return self.home / "features"

    @property
    def feast(self) -> Path:
        """Feast's registry and online store."""
        return self.home / "feast"

    @property
    def bentoml_home(self) -> Path:
        """The BentoML model store of this home, so that several homes never share one."""
        return self.home / "bentoml"

    @property
    def imports(self) -> Path:
        """Reports and set-aside rows of every import."""
        return self.home / "imports"

    @property
    def evaluations(self) -> Path:
        """Written evaluations of every training run."""
        return self.home / "evaluations"

    @property
    def database_file(self) -> Path | None:
        """The file of the operational store, None where it is no file or cannot be told."""
        scheme, _, rest = self.database_url.partition(":///")
        path = rest.partition("?")[0]
        is_file = scheme.partition("+")[0] == "sqlite" and not path.startswith(
            (":memory:", "file:")
        )
        return Path(path) if is_file and path else None

    def to_json(self) -> str:
        """One line that :func:`from_json` reads in another process; it may hold passwords."""
        return json.dumps(asdict(self), default=str)


def from_json(line: str | bytes) -> Settings:
    """The settings that :meth:`Settings.to_json` wrote."""
    given: dict[str, Any] = json.loads(line)
    as_of = None if given["as_of"] is None else datetime.fromisoformat(given["as_of"])
    folders = {name: Path(given[name]) for name in ("home", "config", "data")}
    return Settings(**given | folders | {"as_of": as_of})


def load(environ: Mapping[str, str] = os.environ, *, home: Path | None = None) -> Settings:
    """Settings from ``environ``; ``home`` overrides ``RETAIN_HOME``.

    Raises:
        InvalidInput: ``RETAIN_AS_OF`` is not an ISO 8601 time, or ``RETAIN_ONLINE_URL`` names
            no store there is, or a number or choice is none of those allowed.
    """
    root = (home or Path(environ.get("RETAIN_HOME", ".retain"))).resolve()
    pinned = environ.get("RETAIN_AS_OF")
    return Settings(
        home=root,
        database_url=environ.get("RETAIN_DATABASE_URL", f"sqlite:///{root / 'retain.db'}"),
        online_url=_online_url(environ.get("RETAIN_ONLINE_URL"), root),
        config=Path(environ.get("RETAIN_CONFIG", PROJECT_CONFIG)),
        data=Path(environ.get("RETAIN_DATA", PROJECT_CONFIG.parent.parent / "shared" / "data")),
        as_of=parse_utc(pinned, field="RETAIN_AS_OF") if pinned else None,
        feature_ttl_days=_days(environ.get("RETAIN_FEATURE_TTL_DAYS") or FEATURE_TTL_DAYS),
        recompute=_recompute(environ.get("RETAIN_RECOMPUTE") or "always"),
        timeout_ms=_whole(environ, "RETAIN_TIMEOUT_MS", TIMEOUT_MS, most=30_000),
        in_flight=_whole(environ, "RETAIN_IN_FLIGHT", IN_FLIGHT, most=100_000),
        backlog_ms=_whole(environ, "RETAIN_BACKLOG_MS", BACKLOG_MS, most=10_000),
        drain_seconds=_whole(environ, "RETAIN_DRAIN_SECONDS", DRAIN_SECONDS, most=600),
        degraded_max_age_minutes=_whole(
            environ,
            "RETAIN_DEGRADED_MAX_AGE_MINUTES",
            DEGRADED_MAX_AGE_MINUTES,
            least=0,
            most=10_080,
        ),
        receipts_apart=_apart(environ.get("RETAIN_RECEIPTS")),
    )


def access(environ: Mapping[str, str] = os.environ) -> Access:
    """Who may reach the service; see :func:`retain.access.read`."""
    return _access.read(environ)


def telemetry(environ: Mapping[str, str] = os.environ) -> Telemetry:
    """How this process logs and traces; see :func:`retain.telemetry.read`."""
    return _telemetry.read(environ)


def metrics_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where prometheus-client keeps the values of several processes, as it reads it itself."""
    return Path(environ["PROMETHEUS_MULTIPROC_DIR"])


def worker_count(environ: Mapping[str, str] = os.environ) -> int | None:
    """How many workers a service has (``RETAIN_WORKERS``); None where it is not said.

    Raises:
        InvalidInput: it is no number of workers.
    """
    name = "RETAIN_WORKERS"
    return _whole(environ, name, 1, most=_MOST_WORKERS) if environ.get(name) else None


def secret(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """What the environment variable ``name`` holds, "" where it is not set; never logged."""
    return environ.get(name, "")


def _days(given: str | float) -> float:
    try:
        days = float(given)
    except ValueError:
        days = math.nan
    if not 0 <= days <= _MOST_DAYS:
        raise InvalidInput(
            f"{given!r} is no number of days from 0 to {_MOST_DAYS:,}",
            remedy="write it like 30, or 0 for no limit",
            field="RETAIN_FEATURE_TTL_DAYS",
        )
    return days


def _whole(
    environ: Mapping[str, str], name: str, default: int, *, most: int, least: int = 1
) -> int:
    given = environ.get(name) or str(default)
    if not (given.isascii() and given.isdigit() and least <= int(given) <= most):
        raise InvalidInput(
            f"{name} is {given!r:.60}",
            remedy=f"write a whole number from {least:,} to {most:,}, or leave it unset for "
            f"{default:,}",
            field=name,
        )
    return int(given)


def _recompute(given: str) -> bool:
    if given not in {"always", "never"}:
        raise InvalidInput(
            f"RETAIN_RECOMPUTE is {given!r}",
            remedy="write always or never",
            field="RETAIN_RECOMPUTE",
        )
    return given == "always"


def _apart(given: str | None) -> bool:
    if not given:
        return cores() > 1
    if given not in {"process", "thread"}:
        raise InvalidInput(
            f"RETAIN_RECEIPTS is {given!r:.60}",
            remedy="write process or thread, or leave it unset",
            field="RETAIN_RECEIPTS",
        )
    return given == "process"


def _online_url(given: str | None, home: Path) -> str:
    if not given:
        return f"sqlite:///{home / 'feast' / 'packed.db'}"
    try:
        url = urlsplit(given)
        whole = url.port != 0 and _names_a_store(url)
    except ValueError:
        whole = False
    if not whole:
        # the URL itself is not shown: it may hold a password
        raise InvalidInput(
            "RETAIN_ONLINE_URL names no store there is",
            remedy="write it like redis://127.0.0.1:6379/0, rediss://user:password@host:6380/0 "
            "or sqlite:////srv/retain/packed.db",
            field="RETAIN_ONLINE_URL",
        )
    return given


def _names_a_store(url: SplitResult) -> bool:
    if url.scheme == "sqlite":
        return not url.netloc and len(url.path) > 1
    database = url.path.removeprefix("/")
    return (
        url.scheme in {"redis", "rediss"}
        and bool(url.hostname)
        and (not database or database.isdecimal())
    )
