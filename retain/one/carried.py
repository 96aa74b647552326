"""Previews of single customers carried to where their receipts are made, many at a time.

What is carried is what a preview was decided from: the customer's values, the contacts, who is in
which arm. Where it is put down must be the same catalogue, experiments and response model. Ranked
side by side, a customer costs half of what they do alone, and the receipt is the same to the byte.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from retain.columns import ACTION_RULES
from retain.decisions.previews import Preview
from retain.decisions.ranking import Ranker
from retain.decisions.receipt import Evidence
from retain.decisions.receipt_writer import Shown
from retain.decisions.state import ContactState
from retain.features.ageing import NUMBERS
from retain.one.features import One

Arm = tuple[str, str]
"""An experiment and its arm."""
RankerOf = Callable[[Sequence[Arm]], Ranker]


class Carried(msgspec.Struct, array_like=True):
    """One preview.

    Attributes:
        vector: the read-time numbers, (67,) float64.
        values: what the ranker reads beside them (:attr:`Ranker.reads`).
        shown: of what was answered; its items are those that the chosen action speaks of.
        experiments: as :class:`~retain.decisions.receipt.Evidence` has them.
    """

    decision_id: str
    customer_id: str
    now: datetime
    features_as_of: datetime | None
    vector: bytes
    values: list[Any]
    state: ContactState
    shown: Shown
    experiments: list[dict[str, Any]]
    stale_views: list[str]

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms the customer is in."""
        return tuple((one["experiment"], one["arm"]) for one in self.experiments)


class Load(msgspec.Struct, array_like=True):
    """Some previews, and the models that all of them rest on."""

    models: dict[str, str]
    previews: list[Carried]


def parcel(preview: Preview) -> bytes | None:
    """What has to be carried of a preview; None where it is of a customer among many.

    It is a sixteenth of what the preview holds, and nothing that is looked through for garbage.
    """
    ranking, evidence = preview.ranking, preview.evidence
    known = ranking.known
    if not isinstance(known, One):
        return None
    answer = preview.next_best_action()
    one = Carried(
        preview.decision_id,
        ranking.customer_ids[0],
        ranking.now,
        evidence.features_as_of,
        known.vector.tobytes(),
        [known[name] for name in ranking.ranker.reads],
        preview.state,
        Shown(answer["items"], answer["send_at"], answer["expires_at"]),
        [dict(one) for one in evidence.experiments],
        list(evidence.stale_views),
    )
    return _ENCODER.encode(one)


def put_down(load: Load, ranker_of: RankerOf) -> list[Preview]:
    """The previews in their order; no receipt of theirs tells that they were carried.

    Args:
        load: at least one preview.
        ranker_of: says who decides for customers in these arms
            (:meth:`retain.experiments.variants.Arms.ranker_of`).
    """
    places: defaultdict[tuple[Arm, ...], list[int]] = defaultdict(list)
    for place, one in enumerate(load.previews):
        places[one.arms].append(place)
    found: dict[int, Preview] = {}
    for arms, own in places.items():
        together = [load.previews[place] for place in own]
        made = _ranked(together, load.models, ranker_of(arms))
        found.update(zip(own, made, strict=True))
    return [found[place] for place in range(len(load.previews))]


def pack(models: dict[str, str], parcels: Sequence[bytes]) -> bytes:
    """The bytes of a load of parcels."""
    return _ENCODER.encode((models, [msgspec.Raw(one) for one in parcels]))


unpack: Callable[[bytes], Load] = msgspec.msgpack.Decoder(Load).decode
"""The load in what :func:`pack` made."""


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    return value.item()


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)


def _ranked(those: Sequence[Carried], models: Mapping[str, str], ranker: Ranker) -> list[Preview]:
    """Previews of customers for whom one ranker decides, each as of its own moment."""
    ids = [one.customer_id for one in those]
    ranking = ranker.rank(_columns(those, ranker.reads), ids, now=those[0].now)
    return [
        Preview(
            one.decision_id,
            ranking.as_of(one.now),
            row,
            one.state,
            Evidence(models, one.features_as_of, tuple(one.stale_views), tuple(one.experiments)),
            shown=one.shown,
        )
        for row, one in enumerate(those)
    ]


def _columns(those: Sequence[Carried], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    numbers = np.frombuffer(b"".join(one.vector for one in those)).reshape(len(those), -1)
    columns: dict[str, NDArray[Any]] = dict(zip(NUMBERS, numbers.T, strict=True))
    for name, values in zip(names, zip(*(one.values for one in those), strict=True), strict=True):
        if ACTION_RULES[name] == "number":
            columns[name] = np.array(values, dtype=np.float64)
        else:
            column = np.empty(len(values), dtype=object)
            column[:] = values
            columns[name] = column
    return columns
