"""Previews of single customers as another process can make them again, to write their receipts.

What is carried is what the preview was decided from: the customer's values, the contacts, who is
in which arm. The other process must have the same catalogue, experiments and response model.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from retain.decisions.previews import Preview
from retain.decisions.ranking import Ranker
from retain.decisions.receipt import Evidence
from retain.decisions.state import ContactState
from retain.features.ageing import NUMBERS, OBJECTS
from retain.one.columns import OneColumns
from retain.one.features import One

Arm = tuple[str, str]
"""An experiment and its arm."""
_NUMBERS = frozenset(NUMBERS)


class Carried(msgspec.Struct, array_like=True):
    """One preview.

    Attributes:
        vector: the read-time numbers, (67,) float64.
        values: all else that is known of the customer, by name: texts, lists, scores, segment.
        items: product ids that the chosen action speaks of.
        experiments: as :class:`~retain.decisions.receipt.Evidence` has them.
    """

    decision_id: str
    customer_id: str
    now: datetime
    features_as_of: datetime | None
    vector: bytes
    values: dict[str, Any]
    state: ContactState
    items: list[str]
    experiments: list[dict[str, Any]]
    stale_views: list[str]


class Load(msgspec.Struct, array_like=True):
    """Some previews, and the models that all of them rest on."""

    models: dict[str, str]
    previews: list[Carried]


def carried(preview: Preview) -> Carried | None:
    """What has to be carried of a preview; None where it is of a customer among many."""
    ranking, evidence = preview.ranking, preview.evidence
    known = ranking.known
    if not isinstance(known, One):
        return None
    for name in OBJECTS:
        known[name]
    # a copy is made at once, whoever asks for this receipt meanwhile
    values = {name: value for name, value in dict(known).items() if name not in _NUMBERS}
    return Carried(
        preview.decision_id,
        ranking.customer_ids[0],
        ranking.now,
        evidence.features_as_of,
        known.vector.tobytes(),
        values,
        preview.state,
        preview.next_best_action()["items"],
        [dict(one) for one in evidence.experiments],
        list(evidence.stale_views),
    )


def restored(
    one: Carried, models: Mapping[str, str], ranker_of: Callable[[Sequence[Arm]], Ranker]
) -> Preview:
    """The preview, from whose receipt nothing tells that it was carried."""
    known = One(np.frombuffer(one.vector), _Texts(one.values))
    known.update(one.values)
    ranker = ranker_of([(each["experiment"], each["arm"]) for each in one.experiments])
    ranking = ranker.rank_one(
        known,
        OneColumns(known),
        one.customer_id,
        now=one.now,
        suggestions=_Chosen(one.items),
    )
    evidence = Evidence(models, one.features_as_of, tuple(one.stale_views), tuple(one.experiments))
    return Preview(one.decision_id, ranking, 0, one.state, evidence)


def packed(load: Load) -> bytes:
    """The bytes of a load."""
    return _ENCODER.encode(load)


unpacked: Callable[[bytes], Load] = msgspec.msgpack.Decoder(Load).decode


def _plain(value: Any) -> Any:
    """A number of NumPy's as one of Python's."""
    return value.item()


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)


class _Texts:
    """The texts among values."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def raw(self, name: str) -> bytes | None:
        """A text as it is stored."""
        text = self._values[name]
        return None if text is None else str(text).encode()

    def text(self, name: str) -> str | None:
        """A text."""
        found: str | None = self._values[name]
        return found

    def texts(self, name: str) -> list[str]:
        """A list."""
        found: list[str] = self._values[name]
        return found


class _Chosen:
    """The product ids that the chosen action speaks of, whatever source they are of.

    No other action's are in a receipt.
    """

    def __init__(self, items: list[str]) -> None:
        self._items = items

    def prepare(self, rows: Sequence[int]) -> None:
        """They were suggested when it was decided."""

    def items(self, source: str, row: int, limit: int) -> list[str]:  # noqa: ARG002
        """All of them."""
        return self._items

    def in_stock(self, product_ids: Sequence[str]) -> list[str]:  # noqa: ARG002
        """All of them."""
        return self._items
