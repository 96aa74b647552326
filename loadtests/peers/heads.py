"""Three LightGBM heads over features of one Feast store: what both peers do for a request.

This is the program a competent user would write without Retain: the store's SDK reads the
features, a matrix is built in the order of the models' manifests (Feast keeps no order of its
own), and ``Booster.predict`` is told to use one thread, which is by far the fastest for small
matrices.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from feast import FeatureStore

NAMES = ("churn", "next_purchase", "ltv")


@dataclass(frozen=True, slots=True)
class Head:
    """A model, and which columns of the common matrix it reads, in its order."""

    booster: lightgbm.Booster
    columns: np.ndarray[Any, np.dtype[np.intp]]


class Heads:
    """Everything loaded once: the registry, the models, and the plan of the matrix.

    Args:
        folder: what ``prepare.py`` wrote.
    """

    def __init__(self, folder: Path) -> None:
        self._store = FeatureStore(repo_path=str(folder))
        manifests = {
            name: json.loads((folder / "models" / name / "manifest.json").read_bytes())
            for name in NAMES
        }
        features = {one["name"]: one for each in manifests.values() for one in each["features"]}
        self._names = list(features)
        self._codes = {
            name: {category: float(code) for code, category in enumerate(one["categories"])}
            for name, one in features.items()
            if one["dtype"] == "category"
        }
        defaults = [one["null_default"] for one in features.values()]
        self._defaults = np.array([np.nan if one is None else one for one in defaults])
        self._references = [self._reference(name) for name in self._names]
        self._heads = {
            name: Head(
                lightgbm.Booster(model_file=folder / "models" / name / "model.txt"),
                np.array([self._names.index(one["name"]) for one in manifests[name]["features"]]),
            )
            for name in NAMES
        }

    def scores(self, customer_ids: Sequence[str]) -> dict[str, list[float]]:
        """Every head's scores, in the order of ``customer_ids``."""
        found = self._store.get_online_features(
            features=self._references,
            entity_rows=[{"customer_id": one} for one in customer_ids],
        ).to_dict()
        matrix = np.empty((len(customer_ids), len(self._names)))
        for place, name in enumerate(self._names):
            codes = self._codes.get(name)
            values = found[name] if codes is None else [codes.get(one) for one in found[name]]
            matrix[:, place] = values  # None becomes NaN
        matrix = np.where(np.isnan(matrix), self._defaults, matrix)
        return {
            name: head.booster.predict(matrix[:, head.columns], num_threads=1).tolist()
            for name, head in self._heads.items()
        }

    def _reference(self, feature: str) -> str:
        for view in self._store.list_feature_views():
            if any(field.name == feature for field in view.features):
                return f"{view.name}:{feature}"
        raise LookupError(f"no feature view has {feature}")
