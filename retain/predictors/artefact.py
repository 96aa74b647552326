"""An artefact: the manifest and the checked bytes of one model's files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retain import manifest
from retain.errors import CorruptModel
from retain.manifest import Manifest

REMEDY = "train again, or roll back to an earlier version with `retain models rollback`"


@dataclass(frozen=True, slots=True)
class Artefact:
    """``files`` holds every file the manifest names, each with the digest it names."""

    manifest: Manifest
    files: Mapping[str, bytes]

    def text(self, name: str) -> str:
        """A text file."""
        return self.files[name].decode()

    def json(self, name: str) -> dict[str, Any]:
        """A JSON side file."""
        content: dict[str, Any] = json.loads(self.files[name])
        return content


def read(folder: Path) -> Artefact:
    """Read a model's files and check every digest.

    Raises:
        CorruptModel: a file is missing, or is not the one that was sealed.
    """
    sealed = manifest.read(folder)
    files: dict[str, bytes] = {}
    for name, digest in sealed.files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise CorruptModel(f"{sealed.name} names {name}, outside its folder", remedy=REMEDY)
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            raise CorruptModel(f"{sealed.name} lacks {name}: {error}", remedy=REMEDY) from error
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise CorruptModel(f"{name} of {sealed.name} is not the sealed file", remedy=REMEDY)
    return Artefact(sealed, files)
