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
from retain.decisions.receipt import Decision, Evidence, Receipt, write_receipt
from retain.decisions.receipt_text import pack, unpack
from retain.decisions.receipt_writer import Shown, Writer, Written

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
        shown: of the answer, where another process gave it.
    """

    decision_id: str
    ranking: Ranking
    row: int
    state: ContactState
    evidence: Evidence
    answer: dict[str, Any] | None = None
    shown: Shown | None = None

    def next_best_action(self) -> dict[str, Any]:
        """``/predict``'s ``next_best_action``."""
        if self.answer is None:
            if self.shown is None:
                best = self.ranking.best(self.row, self.state, self.decision_id).as_action()
            else:
                best = Decision(self.receipt()).next_best_action()
            self.answer = {**best, "decision_id": self.decision_id}
        return self.answer

    def receipt(self) -> Receipt:
        """What the decision was made from, as it will be found when it is stored."""
        return unpack(self.written(Writer()).text)

    def written(self, writer: Writer) -> Written:
        """The receipt as it is stored."""
        shown = self.shown
        if shown is None:
            answer = self.next_best_action()
            shown = Shown(answer["items"], answer["send_at"], answer["expires_at"])
        place = self.ranking, self.row
        found = writer.written(self.decision_id, place, self.state, self.evidence, shown)
        return found or self._in_full(shown)

    def _in_full(self, shown: Shown) -> Written:
        receipt = write_receipt(
            self.decision_id,
            self.ranking,
            self.row,
            self.state,
            self.evidence,
            limit=1,
            reserved=False,
        )
        [best] = receipt["actions"]
        best |= shown._asdict()
        removed = [one["removed_by"] for one in receipt["candidates"]]
        removed_by = [rule for rule in removed if rule is not None]
        return Written(best["action_id"], pack(receipt), removed_by)


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
    removed: list[str] = []
    rows: list[tuple[Any, ...]] = []
    writer = Writer()
    for preview in previews:
        written = preview.written(writer)
        ranking = preview.ranking
        rows.append(
            (
                preview.decision_id,
                ranking.customer_ids[preview.row],
                written.action_id,
                to_micros(ranking.now),
                written.text,
            )
        )
        removed += written.removed_by
    place = _ROW[engine.dialect.name]
    with writing(engine, alone="previews") as connection:
        for some in in_parts(rows):
            # one step for all: between steps other threads take their turn, of milliseconds each
            text = _INSERT.format(rows=", ".join([place] * len(some)))
            connection.exec_driver_sql(text, tuple(value for row in some for value in row))
    return Counter(removed)
