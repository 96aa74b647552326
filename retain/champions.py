"""The models that answer: the champion of every head, loaded and checked."""

from dataclasses import dataclass, field
from pathlib import Path

from retain import artefacts, manifest
from retain.ledger import Ledger
from retain.manifest import HEADS, Head, Manifest
from retain.predictors import (
    ChurnPredictor,
    LtvPredictor,
    NextPurchasePredictor,
    ResponsePredictor,
    load_all,
)
from retain.rfm import RfmEdges


@dataclass(frozen=True, slots=True)
class Champions:
    """One predictor per head; None where the head has no champion."""

    churn: ChurnPredictor | None = None
    next_purchase: NextPurchasePredictor | None = None
    ltv: LtvPredictor | None = None
    response: ResponsePredictor | None = None
    rfm: RfmEdges | None = None
    manifests: dict[Head, Manifest] = field(default_factory=dict)

    def name(self, head: Head) -> str | None:
        """How answers name the head's champion (``churn:ab12cd34ef56``)."""
        found = self.manifests.get(head)
        return found.name if found else None


def load(ledger: Ledger, bentoml_home: Path) -> Champions:
    """The champions the ledger names, every digest verified.

    Raises:
        NoModel: the ledger names a version the store does not have.
        CorruptModel: a file is not the one that was registered.
    """
    folders: dict[Head, Path] = {
        head: artefacts.folder(bentoml_home, head, version)
        for head in HEADS
        if (version := ledger.champion(head)) is not None
    }
    manifests = {head: manifest.read(folder) for head, folder in folders.items()}
    predicting = [head for head in folders if head != "rfm"]
    loaded = dict(zip(predicting, load_all([folders[h] for h in predicting]), strict=True))
    edges = manifests["rfm"].parameters if "rfm" in manifests else None
    return Champions(
        **loaded,  # type: ignore[arg-type]  # each head's loader returns that head's predictor
        rfm=RfmEdges.from_parameters(edges) if edges else None,
        manifests=manifests,
    )
