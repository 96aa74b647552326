"""Readiness: models loaded, fingerprints matching, store reached."""

from collections.abc import Callable, Mapping

from retain.errors import RetainError
from retain.manifest import Manifest
from services.answers import Json
from services.preflight import without_champion


class Readiness:
    """The checks behind ``/readyz``; models and fingerprints were verified at start."""

    def __init__(self, manifests: Mapping[str, Manifest], reach: Callable[[], object]) -> None:
        named = ", ".join(manifest.name for manifest in manifests.values())
        missing = ", ".join(without_champion(manifests))
        self._models = f"{named}; no model for {missing}" if missing else named
        self._reach = reach

    def check(self) -> Json:
        """``ready`` with its checks, or ``not_ready`` naming what is missing."""
        store = self._store()
        return {
            "status": "ready" if store["ok"] else "not_ready",
            "checks": {
                "models": {"ok": True, "detail": self._models},
                "features": {"ok": True, "detail": "every model's features are computed"},
                "store": store,
            },
        }

    def _store(self) -> Json:
        try:
            self._reach()
        except RetainError:
            return {"ok": False, "detail": "a store did not answer"}
        return {"ok": True, "detail": "reached"}
