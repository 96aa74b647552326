"""The packed rows of a home: in the store that ``RETAIN_ONLINE_URL`` names."""

from pathlib import Path
from urllib.parse import urlsplit

from feature_repo.packed_backend import PackedBackend
from feature_repo.packed_sqlite import SqliteRows
from retain.settings import Settings

PROJECT = "retain"
ENTITY = "customer_id"


def online_rows(settings: Settings) -> PackedBackend:
    """Where the online rows of a home are; Feast's configuration names the same store."""
    return open_rows(settings.online_url, PROJECT, ENTITY)


def open_rows(url: str, project: str, entity: str) -> PackedBackend:
    """The rows of one entity of a project in the store at ``url``; nothing is asked of it yet."""
    if is_redis(url):
        from feature_repo.packed_redis import RedisRows  # noqa: PLC0415 - only who uses it loads it

        return RedisRows(url, project, entity)
    return SqliteRows(file_of(url), project, entity)


def is_started(settings: Settings) -> bool:
    """Whether rows were ever written to the online store of a home.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    if not is_redis(settings.online_url) and not file_of(settings.online_url).exists():
        return False
    return bool(online_rows(settings).schemas())


def is_redis(url: str) -> bool:
    """Whether a URL of the settings names a Redis."""
    return urlsplit(url).scheme != "sqlite"


def file_of(url: str) -> Path:
    """The file of a SQLite store."""
    return Path(urlsplit(url).path.removeprefix("/"))
