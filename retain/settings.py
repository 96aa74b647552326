"""Settings: the only module that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from retain.clock import parse_utc
from retain.errors import InvalidInput

PROJECT_CONFIG = Path(__file__).resolve().parent.parent / "config"


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
    """

    home: Path
    database_url: str
    online_url: str
    config: Path
    data: Path
    as_of: datetime | None

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


def load(environ: Mapping[str, str] = os.environ, *, home: Path | None = None) -> Settings:
    """Settings from ``environ``; ``home`` overrides ``RETAIN_HOME``.

    Raises:
        InvalidInput: ``RETAIN_AS_OF`` is not an ISO 8601 time, or ``RETAIN_ONLINE_URL`` names
            no store there is.
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
    )


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
