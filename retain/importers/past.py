"""What the reports of earlier imports tell."""

import json
from datetime import UTC, datetime
from pathlib import Path

from retain.clock import iso


def ending_at(folder: Path, moment: datetime) -> list[datetime]:
    """When the imports were done whose last event happened at ``moment``.

    ``folder`` has the reports. A report that cannot be read tells nothing.
    """
    wanted = iso(moment)
    return [
        datetime.fromtimestamp(path.stat().st_mtime, UTC)
        for path in folder.glob("*/report.json")
        if _last_event_at(path) == wanted
    ]


def _last_event_at(path: Path) -> str | None:
    try:
        report = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    found = report.get("last_event_at") if isinstance(report, dict) else None
    # products and days are no events of the log
    is_of_log = report.get("format") not in ("products", "calendar")
    return found if isinstance(found, str) and is_of_log else None
