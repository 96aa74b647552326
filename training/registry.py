"""The registry: models are written into the BentoML model store, once per content."""

import os
import shutil
import tempfile
import warnings
from pathlib import Path

from retain import artefacts, manifest
from retain.errors import NoModel
from retain.manifest import Manifest


def register(bentoml_home: Path, description: Manifest, files: dict[str, str]) -> Manifest:
    """Seal and store a model; the same content is stored once and found again.

    The store gets our own text and JSON files and nothing else: no pickle, no custom objects.
    """
    with tempfile.TemporaryDirectory(prefix="retain-model-") as name:
        staged = Path(name)
        for file, content in files.items():
            (staged / file).write_text(content)
        sealed = manifest.seal(staged, description)
        try:
            artefacts.folder(bentoml_home, sealed.head, sealed.version)
        except NoModel:
            _store(bentoml_home, sealed, staged)
    return sealed


def _store(bentoml_home: Path, sealed: Manifest, staged: Path) -> None:
    models = bentoml_home / "models"
    models.mkdir(parents=True, exist_ok=True)
    # BentoML reads these once, when it is first imported
    os.environ["BENTOML_HOME"] = str(bentoml_home)
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    with warnings.catch_warnings():
        # its dependencies deprecate each other, which whoever trains a model cannot help
        warnings.simplefilter("ignore", DeprecationWarning)
        from bentoml._internal.models.model import ModelStore  # noqa: PLC0415
        from bentoml.models import create  # noqa: PLC0415
    with create(
        f"{artefacts.store_name(sealed.head)}:{sealed.version}",
        labels={"head": sealed.head, "retain": "model"},
        metadata={"as_of": sealed.training.as_of.isoformat()},
        _model_store=ModelStore(str(models)),
    ) as model:
        shutil.copytree(staged, model.path, dirs_exist_ok=True)
    # temporary folders are their owner's alone; who serves may be another user than who trained
    stored = artefacts.folder(bentoml_home, sealed.head, sealed.version)
    stored.chmod(models.stat().st_mode)
