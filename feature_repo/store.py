"""Opening Feast's store of one home, with our objects applied."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import yaml
from feast import FeatureStore, RepoConfig

from feature_repo.definitions import define
from retain.settings import Settings

_CONFIG = Path(__file__).parent / "feature_store.yaml"


def open_store(settings: Settings, *, apply: bool = False) -> FeatureStore:
    """Feast's store under ``settings.feast``; with ``apply`` the registry is brought up to date."""
    settings.feast.mkdir(parents=True, exist_ok=True)
    text = _CONFIG.read_text("utf-8").replace("$RETAIN_HOME", str(settings.home))
    store = FeatureStore(config=RepoConfig(**yaml.safe_load(text), repo_path=settings.feast))
    if apply or not (settings.feast / "registry.db").exists():
        store.apply(define(settings.features).all())
    return store


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Feast's own progress lines and its libraries' deprecations off the terminal."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
