"""How long a process waits for the operational store before it gives up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waits:
    """Limits in time; ``breaks`` is whether a store that is away is left alone for a moment."""

    connect_seconds: int
    lock_ms: int
    statement_ms: int
    breaks: bool = False


PATIENT = Waits(connect_seconds=5, lock_ms=10_000, statement_ms=300_000)
"""Of commands: a chunk of an import or an export takes seconds; what takes minutes is lost."""
SERVING = Waits(connect_seconds=2, lock_ms=5_000, statement_ms=15_000, breaks=True)
"""Of a process that answers requests: nobody waits longer for an answer."""
