"""The manifest: what a model is, read from JSON beside its files and checked against them."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retain.errors import CorruptModel

Head = Literal["churn", "next_purchase", "ltv", "response", "next_items", "rfm"]
HEADS: tuple[Head, ...] = ("churn", "next_purchase", "ltv", "response", "next_items", "rfm")

FILE_NAME = "manifest.json"
_VERSION_LENGTH = 12
_NOT_CONTENT = {"version", "created_at"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelFeature(_Part):
    """One input of a model, in vector order; a ``list`` is read by the head itself.

    Attributes:
        null_default: what a missing value becomes; None leaves it missing (NaN).
        categories: of a ``category``, the values seen in training; the code is the position.
    """

    name: str
    dtype: Literal["float64", "category", "list"] = "float64"
    null_default: float | None = None
    categories: tuple[str, ...] = ()


class Measured(_Part):
    """A metric with its 95 % interval on the holdout."""

    value: float
    low: float
    high: float


class TrainingWindow(_Part):
    """Which part of history a model was fitted and judged on.

    Attributes:
        statement: in words, what was fitted on what and which label windows overlap.
        rows: (customer, cutoff) pairs of the final fit.
    """

    as_of: datetime
    first_cutoff: datetime | None = None
    last_cutoff: datetime | None = None
    holdout_cutoffs: tuple[datetime, ...] = ()
    rows: int = 0
    statement: str = ""


class Manifest(_Part):
    """Everything a caller or an auditor has to know about one model.

    Attributes:
        version: the first 12 hex digits of the content's sha256, so the same training
            on the same data is the same version and an edited manifest is found out.
        fingerprint: sha256 over ``features``.
        label: one sentence that defines the label.
        population: one sentence that says who is scored.
        baselines: the dumb rules' metrics, named ``<rule>.<metric>``, and
            ``difference.<rule>.<metric>`` for the paired differences.
        beats_baseline: the lower bound of the paired difference to the dumb rule is above zero.
        parameters: the head's own constants, such as ``hiatus_days``.
        files: sha256 of every file of the model.
    """

    head: Head
    version: str = ""
    features: tuple[ModelFeature, ...] = ()
    fingerprint: str = ""
    label: str = ""
    horizon_days: int
    population: str = ""
    training: TrainingWindow
    data_digest: str = ""
    code_revision: str = ""
    libraries: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, Measured] = Field(default_factory=dict)
    baselines: dict[str, Measured] = Field(default_factory=dict)
    beats_baseline: bool = False
    parameters: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    created_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def name(self) -> str:
        """How the API names the model: ``churn:ab12cd34ef56``."""
        return f"{self.head}:{self.version}"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Feature names in vector order."""
        return tuple(feature.name for feature in self.features)

    def sealed(self) -> Self:
        """The same manifest with its fingerprint and version filled in."""
        printed = self.model_copy(update={"fingerprint": fingerprint(self.features)})
        return printed.model_copy(update={"version": printed.content_version()})

    def content_version(self) -> str:
        """The version this content must have."""
        content = self.model_dump(mode="json", exclude=_NOT_CONTENT)
        return _sha256_of_json(content)[:_VERSION_LENGTH]


def fingerprint(features: Sequence[ModelFeature]) -> str:
    """sha256 over the ordered list of features."""
    return _sha256_of_json([feature.model_dump(mode="json") for feature in features])


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write ``manifest.json`` with the digests of every other file in ``folder``."""
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != FILE_NAME
    }
    sealed = manifest.model_copy(update={"files": files}).sealed()
    (folder / FILE_NAME).write_text(sealed.model_dump_json(indent=2) + "\n")
    return sealed


def read(folder: Path) -> Manifest:
    """The manifest of the model in ``folder``.

    Raises:
        CorruptModel: it is missing, unreadable, or was changed after it was sealed.
    """
    remedy = "train again, or roll back to an earlier version with `retain models rollback`"
    try:
        manifest = Manifest.model_validate_json((folder / FILE_NAME).read_bytes())
    except OSError as error:
        raise CorruptModel(f"{folder} has no readable manifest: {error}", remedy=remedy) from error
    except ValidationError as error:
        [first, *_] = error.errors()
        at = ".".join(str(one) for one in first["loc"])
        told = f"{at}: {first['msg']}" if at else first["msg"]
        raise CorruptModel(f"{folder / FILE_NAME} is damaged: {told}", remedy=remedy) from error
    if manifest.fingerprint != fingerprint(manifest.features):
        raise CorruptModel(f"the feature list of {folder} was changed", remedy=remedy)
    if manifest.version != manifest.content_version():
        raise CorruptModel(f"the manifest of {folder} was changed", remedy=remedy)
    return manifest


def _sha256_of_json(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
