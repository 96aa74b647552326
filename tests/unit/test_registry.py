"""Models on their way into the store."""

import stat
from pathlib import Path

from retain.manifest import Manifest
from tests.tiny_models import write_model
from training import registry


def registered(home: Path, made: Path) -> Manifest:
    """A tiny model that went through the registry into the store of ``home``."""
    described = write_model(made, "churn")
    files = {name: (made / name).read_text() for name in described.files}
    return registry.register(home, described.model_copy(update={"files": {}}), files)


def test_a_model_is_as_open_as_the_store_it_is_in(tmp_path) -> None:
    sealed = registered(tmp_path / "home", tmp_path / "made")
    models = tmp_path / "home" / "models"
    folder = models / "retain-churn" / sealed.version
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(models.stat().st_mode)
