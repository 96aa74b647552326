"""From a model's folder to something that predicts."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from retain.errors import CorruptModel
from retain.predictors import artefact, quarantine
from retain.predictors.artefact import REMEDY, Artefact
from retain.predictors.churn import ChurnPredictor
from retain.predictors.ltv import LtvPredictor
from retain.predictors.next_items import NextItemsPredictor
from retain.predictors.next_purchase import NextPurchasePredictor
from retain.predictors.response import ResponsePredictor

Predictor = (
    ChurnPredictor | NextPurchasePredictor | LtvPredictor | ResponsePredictor | NextItemsPredictor
)

_PREDICTORS: dict[str, Callable[[Artefact], Predictor]] = {
    "churn": ChurnPredictor,
    "next_purchase": NextPurchasePredictor,
    "ltv": LtvPredictor,
    "response": ResponsePredictor,
    "next_items": NextItemsPredictor,
}


def load(folder: Path) -> Predictor:
    """The predictor of the model in ``folder``.

    Raises:
        CorruptModel: a digest is wrong, or the model does not load.
    """
    return load_all([folder])[0]


def load_all(folders: Sequence[Path]) -> list[Predictor]:
    """The predictors of several models, proven loadable in one throw-away process.

    Raises:
        CorruptModel: as :func:`load`, naming the model.
    """
    artefacts = [artefact.read(folder) for folder in folders]
    _prove(artefacts)
    return [_build(one) for one in artefacts]


def verify(folders: Iterable[Path]) -> None:
    """Check digests and loadability without keeping the models.

    Raises:
        CorruptModel: as :func:`load`.
    """
    _prove([artefact.read(folder) for folder in folders])


def _prove(artefacts: Iterable[Artefact]) -> None:
    quarantine.prove(
        {
            hashlib.sha256(text).hexdigest(): (f"{name} of {one.manifest.name}", text)
            for one in artefacts
            for name, text in one.files.items()
            if name.endswith(".txt")
        }
    )


def _build(one: Artefact) -> Predictor:
    if one.manifest.head not in _PREDICTORS:
        raise CorruptModel(f"{one.manifest.name} is not a predictor", remedy=REMEDY)
    try:
        return _PREDICTORS[one.manifest.head](one)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptModel(
            f"{one.manifest.name} is incomplete: {error!r}", remedy=REMEDY
        ) from error
