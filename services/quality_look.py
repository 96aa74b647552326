"""A look at the data in a process of its own; answers JSON samples.

Run by :mod:`services.quality`: the settings come as JSON on stdin, so that no password of a
database is in the list of processes.
"""

import json
import sys
from datetime import datetime

from feature_repo.online_ages import stored_ages
from retain.errors import RetainError
from retain.quality import checkup, thresholds
from retain.settings import Settings, from_json


def asked(settings: Settings, now: datetime) -> str:
    """What :func:`main` reads."""
    return json.dumps({"settings": settings.to_json(), "now": now.isoformat()})


def main() -> None:
    """Look once; exit code 1 and a sentence on stderr where that was not possible."""
    given = json.load(sys.stdin)
    settings, now = from_json(given["settings"]), datetime.fromisoformat(given["now"])
    try:
        found = checkup.look(
            settings,
            thresholds.load(settings.config),
            now=now,
            as_of=settings.as_of,
            stored_ages=lambda ids, at: stored_ages(settings, ids, at),
            threads=1,
        )
    except RetainError as error:
        sys.exit(f"{error.message}; {error.remedy}")
    json.dump([[s.name, dict(s.labels), s.value] for s in found.metrics()], sys.stdout)
