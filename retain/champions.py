"""The models that answer: the champion of every head, loaded and checked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from retain import artefacts, manifest
from retain.ledger import Ledger
from retain.manifest import HEADS, Head, Manifest
from retain.predictors import (
    ChurnPredictor,
    LtvPredictor,
    NextItemsPredictor,
    NextPurchasePredictor,
    ResponsePredictor,
    load_all,
)
from retain.quality import profile
from retain.quality.profile import Profile
from retain.rfm import RfmEdges


@dataclass(frozen=True, slots=True)
class Champions:
    """One predictor per head; None where the head has no champion.

    ``profile`` is of the customers the models were trained on; None where none was kept.
    """

    churn: ChurnPredictor | None = None
    next_purchase: NextPurchasePredictor | None = None
    ltv: LtvPredictor | None = None
    response: ResponsePredictor | None = None
    next_items: NextItemsPredictor | None = None
    rfm: RfmEdges | None = None
    manifests: dict[Head, Manifest] = field(default_factory=dict)
    profile: Profile | None = None

    def name(self, head: Head) -> str | None:
        """How answers name the head's champion (``churn:ab12cd34ef56``)."""
        found = self.manifests.get(head)
        return found.name if found else None


def load(ledger: Ledger, bentoml_home: Path, heads: Collection[Head] = HEADS) -> Champions:
    """The champions the ledger names for ``heads``, every digest verified.

    Raises:
        NoModel: the ledger names a version the store does not have.
        CorruptModel: a file is not the one that was registered.
    """
    folders: dict[Head, Path] = {
        head: artefacts.folder(bentoml_home, head, version)
        for head in heads
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
        profile=_profile([folders[head] for head in predicting]),
    )


def _profile(folders: Sequence[Path]) -> Profile | None:
    """That of the first of the models that has one: all are trained on the same customers."""
    having = (folder for folder in folders if (folder / profile.FILE_NAME).exists())
    found = next(having, None)
    return Profile.read(found) if found else None
