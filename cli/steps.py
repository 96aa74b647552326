"""Which steps of a demo are done, so that a second run skips them and a killed one goes on."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retain.clock import iso, now
from retain.errors import Conflict, UnreadableFile

_READ_BYTES = 1 << 20


class Steps:
    """The record of one home's demo: where its data came from, and what each step left."""

    def __init__(self, home: Path, source: Mapping[str, Any]) -> None:
        """Open or begin the record.

        Raises:
            Conflict: the home is a demo of something else.
        """
        self._file = home / "demo.json"
        self._source = dict(source)
        self._done: dict[str, Any] = {}
        if self._file.exists():
            record = json.loads(self._file.read_text("utf-8"))
            self._done = record["steps"]
            if record["source"] != self._source:
                raise Conflict(
                    f"{home} is a demo of other data", remedy="give another folder with --home"
                )

    @property
    def begun(self) -> bool:
        """Whether there is a record already."""
        return self._file.exists()

    def begin(self) -> None:
        """Write the record, so that what follows is known to be this demo's."""
        self._write()

    def done(self, name: str) -> bool:
        """Whether ``name`` was finished."""
        return name in self._done

    def left(self, name: str) -> Any:
        """What the finished step ``name`` left."""
        return self._done[name]["left"]

    def finish(self, name: str, left: Any = None) -> None:
        """Record that ``name`` is finished; ``left`` is JSON that later steps need."""
        self._done[name] = {"at": iso(now()), "left": left}
        self._write()

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps({"source": self._source, "steps": self._done}, indent=2))
        partial.replace(self._file)


def digest_of(path: Path) -> str:
    """BLAKE2b of a file's bytes, or of every file in a folder with its name.

    Raises:
        UnreadableFile: there is nothing at ``path``, or it cannot be read.
    """
    seen = hashlib.blake2b(digest_size=16)
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    try:
        for file in files:
            seen.update(str(file.relative_to(path)).encode())
            with file.open("rb") as content:
                while chunk := content.read(_READ_BYTES):
                    seen.update(chunk)
    except OSError as error:
        raise UnreadableFile(
            f"{path} cannot be read: {error.strerror}", remedy="check the path", field="--data"
        ) from error
    return seen.hexdigest()
