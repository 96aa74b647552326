"""A home to import into, and a look at what became of a file."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retain.database import connect
from retain.eventlog import EventLog
from retain.importers import ImportReport, import_file

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


class Home:
    """A log and a folder for reports."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.log = EventLog(connect(url or f"sqlite:///{folder / 'retain.db'}"))

    def take(self, path: Path, format_name: str = "retain", **options: Any) -> ImportReport:
        return import_file(
            path, format_name, self.log, self.folder / "imports", received_at=NOW, **options
        )

    def events(self) -> list[dict[str, Any]]:
        return [row for table in self.log.after(0) for row in table.to_pylist()]

    def write(self, name: str, *records: Any) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in records))
        return path


def set_aside(report: ImportReport) -> list[dict[str, str]]:
    with (Path(report.folder) / "set_aside.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
