"""Where models lie in the model store, found without importing the store's library."""

import re
from pathlib import Path

from retain.errors import NoModel
from retain.manifest import FILE_NAME, Head

_VERSION = re.compile(r"[0-9a-z][0-9a-z._-]*")


def store_name(head: Head) -> str:
    """The name of a head's models in the BentoML store: ``retain-next-purchase``."""
    return f"retain-{head.replace('_', '-')}"


def folder(bentoml_home: Path, head: Head, version: str) -> Path:
    """The folder of one model.

    Raises:
        NoModel: there is no such model in the store.
    """
    found = bentoml_home / "models" / store_name(head) / version
    if not _VERSION.fullmatch(version) or not (found / FILE_NAME).is_file():
        raise NoModel(
            f"no model {head}:{version} in {bentoml_home}",
            remedy="see `retain models list`, or train one with `retain train`",
        )
    return found


def versions(bentoml_home: Path, head: Head) -> list[str]:
    """Versions of a head in the store, oldest first."""
    manifests = (bentoml_home / "models" / store_name(head)).glob(f"*/{FILE_NAME}")
    return [path.parent.name for path in sorted(manifests, key=lambda p: p.stat().st_mtime_ns)]
