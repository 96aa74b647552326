"""The champions: which model answers for each head, as ``GET /models`` tells it."""

from collections.abc import Mapping

from retain.clock import iso
from retain.manifest import Manifest
from services.answers import Json


def summary(manifests: Mapping[str, Manifest]) -> Json:
    """Every champion with what its manifest says about it."""
    return {"models": [_summary(manifest) for manifest in manifests.values()]}


def _summary(manifest: Manifest) -> Json:
    return {
        "head": manifest.head,
        "model": manifest.name,
        "version": manifest.version,
        "label": manifest.label,
        "population": manifest.population,
        "horizon_days": manifest.horizon_days,
        "fingerprint": manifest.fingerprint,
        "features": len(manifest.features),
        "training": manifest.training.model_dump(mode="json"),
        "data_digest": manifest.data_digest,
        "code_revision": manifest.code_revision,
        "metrics": {name: one.model_dump() for name, one in manifest.metrics.items()},
        "baselines": {name: one.model_dump() for name, one in manifest.baselines.items()},
        "beats_baseline": manifest.beats_baseline,
        "created_at": iso(manifest.created_at),
    }
