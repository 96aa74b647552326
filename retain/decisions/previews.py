"""Previews: decisions of which nothing is reserved, and whose receipts are written later."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Engine

from retain.clock import to_micros
from retain.database import in_parts, writing
from retain.decisions.caps import ContactState
from retain.decisions.ranking import Ranking
from retain.decisions.receipt import Evidence, Receipt, write_receipt
from retain.decisions.receipt_text import pack

_INSERT = (
    "INSERT INTO decisions (decision_id, customer_id, reserved, action_id, at, receipt) "
    "VALUES {rows} ON CONFLICT DO NOTHING"
)
_ROW = {"sqlite": "(?, ?, 0, ?, ?, ?)", "postgresql": "(%s, %s, false, %s, %s, %s)"}


@dataclass(slots=True)
class Preview:
    """A decision of which nothing is reserved and whose receipt is written later.

    Attributes:
        answer: what was answered, once it was asked for.
    """

    decision_id: str
    ranking: Ranking
    row: int
    state: ContactState
    evidence: Evidence
    answer: dict[str, Any] | None = None

    def next_best_action(self) -> dict[str, Any]:
        """``/predict``'s ``next_best_action``."""
        if self.answer is None:
            best = self.ranking.best(self.row, self.state, self.decision_id)
            self.answer = {**best.as_action(), "decision_id": self.decision_id}
        return self.answer

    def receipt(self) -> Receipt:
        """What the decision was made from."""
        return write_receipt(
            self.decision_id,
            self.ranking,
            self.row,
            self.state,
            self.evidence,
            limit=1,
            reserved=False,
        )


class Carrier(Protocol):
    """Has previews written by another process, which it gives what they were decided from."""

    def parcel(self, preview: Preview) -> bytes | None:
        """That, in bytes; None where the preview cannot be carried. Never raises."""

    def open(self, parcels: Sequence[bytes]) -> list[Preview]:
        """The previews in their order: their receipts are those of the ones in the parcels."""

    def write(self, parcels: Sequence[bytes]) -> bool:
        """Whether the other process has written all of them. Never raises."""


def write(engine: Engine, previews: Sequence[Preview]) -> Counter[str]:
    """Store the receipts of previews, in one transaction.

    What is there already stays: a batch whose commit was not answered is written again. Returns
    how many actions each rule took out of the decisions.

    Raises:
        StoreUnavailable: nothing was written.
    """
    removed: list[str | None] = []
    rows = []
    for preview in previews:
        # of thousands of small objects none outlives its receipt: none is looked at for garbage
        receipt = preview.receipt()
        rows.append(_row(receipt, preview))
        removed += [one["removed_by"] for one in receipt["candidates"]]
    place = _ROW[engine.dialect.name]
    with writing(engine, alone="previews") as connection:
        for some in in_parts(rows):
            # one step for all: between steps other threads take their turn, of milliseconds each
            text = _INSERT.format(rows=", ".join([place] * len(some)))
            connection.exec_driver_sql(text, tuple(value for row in some for value in row))
    return Counter(rule for rule in removed if rule is not None)


def _row(receipt: Receipt, preview: Preview) -> tuple[Any, ...]:
    return (
        receipt["decision_id"],
        receipt["customer_id"],
        receipt["actions"][0]["action_id"],
        to_micros(preview.ranking.now),
        pack(receipt),
    )
