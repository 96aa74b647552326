"""The training snapshot of the model that answers: what features are compared with."""

from dataclasses import dataclass
from pathlib import Path

from retain import artefacts
from retain.errors import CorruptModel, NoModel
from retain.ledger import Ledger
from retain.manifest import Head
from retain.quality.profile import FILE_NAME, Profile

_HEADS: tuple[Head, ...] = ("churn", "next_purchase", "ltv")


@dataclass(frozen=True, slots=True)
class Champion:
    """The first head with a champion: ``profile`` is None where it cannot tell drift.

    Attributes:
        note: why there is nothing to compare with, and what to do; empty where there is.
    """

    name: str = ""
    profile: Profile | None = None
    note: str = ""


def read(ledger: Ledger, bentoml_home: Path) -> Champion:
    """The snapshot beside the champion; all heads of one training have the same."""
    first: Champion | None = None
    for head in _HEADS:
        version = ledger.champion(head)
        if version is None:
            continue
        name = f"{head}:{version}"
        try:
            folder = artefacts.folder(bentoml_home, head, version)
            if (folder / FILE_NAME).exists():
                return Champion(name, Profile.read(folder))
        except (NoModel, CorruptModel) as error:
            note = f"drift cannot be told: {error.message}; {error.remedy}"
        else:
            note = (
                f"{name} was trained before profiles were kept: drift cannot be told; train again"
            )
        first = first or Champion(name, note=note)
    return first or Champion(note="no model answers yet: drift can be told once one is trained")
