"""``retain serve`` as a child of a benchmark."""

import sys
from collections.abc import Mapping
from pathlib import Path

from load.server import Server


class Service(Server):
    """A service over ``home``, started anew when it does not come back."""

    def __init__(
        self, home: Path, log: Path, workers: int, environment: Mapping[str, str] | None = None
    ) -> None:
        command = [sys.executable, "-m", "cli.main", "--home", str(home)]
        command += ["serve", "--port", "{port}", "--workers", str(workers)]
        super().__init__(command, log, probe="/readyz", environment=environment)
