"""The rankers of a home: its catalogue as every arm has it, and what tells them from others'."""

import hashlib
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from retain.champions import Champions
from retain.decisions import catalogues
from retain.decisions.habits import of_base
from retain.decisions.ranking import Ranker
from retain.experiments import loading
from retain.experiments.assignment import Assigner
from retain.experiments.shares import ShareBook
from retain.experiments.variants import Arms
from retain.manifest import Head
from retain.settings import Settings

HEADS: tuple[Head, ...] = ("response", "rfm")
"""The heads whose models a ranker reads; the others' are read before it ranks."""


@dataclass(frozen=True, slots=True)
class Rankers:
    """Who decides by what.

    Attributes:
        digest: of the catalogue, the experiments and the models: where it is the same, so is
            every ranking of the same customer.
    """

    arms: Arms
    digest: str


def rankers(settings: Settings, engine: Engine, found: Champions) -> Rankers:
    """Those of a home; of ``found`` only the models of :data:`HEADS` are needed.

    Raises:
        InvalidInput: ``actions.yaml`` or ``experiments.yaml`` is wrong.
    """
    habits, preference = of_base(found.manifests.get("rfm"))
    catalogue = catalogues.load(settings.config / "actions.yaml")
    make = partial(Ranker, response=found.response, habits=habits, preference=preference)
    experiments = loading.load(settings.config, catalogue)
    arms = Arms(make(catalogue), make, Assigner(experiments, ShareBook(engine).at))
    declared = (catalogue.config.model_dump_json(), experiments.config.model_dump_json())
    models = (found.name(head) or "" for head in HEADS)
    told = "\n".join((*declared, *models))
    return Rankers(arms, hashlib.blake2b(told.encode(), digest_size=16).hexdigest())
