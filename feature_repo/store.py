"""Opening Feast's store of one home, with our objects applied."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from feast import FeatureStore, RepoConfig

from feature_repo.definitions import define
from retain.clock import iso
from retain.settings import Settings

_CONFIG = Path(__file__).parent / "feature_store.yaml"


def open_store(settings: Settings, *, apply: bool = False) -> FeatureStore:
    """Feast's store under ``settings.feast``; with ``apply`` the registry is brought up to date."""
    settings.feast.mkdir(parents=True, exist_ok=True)
    store = FeatureStore(config=RepoConfig(**configuration(settings), repo_path=settings.feast))
    if apply or not (settings.feast / "registry.db").exists():
        store.apply(define(settings.features, settings.feature_ttl_days).all())
    return store


def configuration(settings: Settings) -> dict[str, Any]:
    """``feature_store.yaml`` as it reads for one home."""
    values = {
        "$RETAIN_HOME": str(settings.home),
        "$RETAIN_ONLINE_URL": settings.online_url,
        "$RETAIN_AS_OF": iso(settings.as_of) if settings.as_of else "",
    }

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(own) for name, own in value.items()}
        for name, own in values.items():
            value = value.replace(name, own) if isinstance(value, str) else value
        return value

    whole: dict[str, Any] = filled(yaml.safe_load(_CONFIG.read_text("utf-8")))
    return whole


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Feast's own progress lines and its libraries' deprecations off the terminal."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
