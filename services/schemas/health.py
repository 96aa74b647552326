"""``/livez`` and ``/readyz``."""

from typing import Any, Literal

from pydantic import Field

from services.schemas.base import Answer


class Alive(Answer):
    """The process answers; nothing else is checked."""

    status: Literal["alive"] = Field(description="Always this word.")


class Check(Answer):
    """One thing that must hold before requests make sense."""

    ok: bool = Field(description="Whether it holds.")
    detail: str = Field(description="What is known of it, in words; no names of hosts or users.")


class Readiness(Answer):
    """Models loaded and verified, fingerprints matching, every store reached once.

    ``degraded``: it answers, but a store that was reached before does not answer now.
    """

    status: Literal["ready", "degraded", "not_ready"] = Field(
        description="`degraded`: a store that was reached before does not answer now; `not_ready`: "
        "one was never reached, or the service is about to end. `not_ready` comes with a 503, the "
        "others with a 200."
    )
    checks: dict[str, Check] = Field(
        description="`models`, `features`, and every store by name (`database`, `online_store`)."
    )


ALIVE_EXAMPLE: dict[str, Any] = {"status": "alive"}
READY_EXAMPLE: dict[str, Any] = {
    "status": "ready",
    "checks": {
        "models": {"ok": True, "detail": "churn:ab12, next_purchase:ab12, ltv:ab12"},
        "features": {"ok": True, "detail": "every model's features are computed"},
        "database": {"ok": True, "detail": "reached"},
        "online_store": {"ok": True, "detail": "reached"},
    },
}
DEGRADED_EXAMPLE: dict[str, Any] = {
    "status": "degraded",
    "checks": {
        **READY_EXAMPLE["checks"],
        "online_store": {"ok": False, "detail": "it has not answered for 12 s"},
    },
}
NOT_READY_EXAMPLE: dict[str, Any] = {
    "status": "not_ready",
    "checks": {
        **READY_EXAMPLE["checks"],
        "database": {"ok": False, "detail": "it was not reached yet"},
    },
}
